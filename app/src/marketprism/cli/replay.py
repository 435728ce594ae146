"""The ``replay`` command."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from marketprism import settings as settings_module
from marketprism.cli import render
from marketprism.collector.publisher import Publisher
from marketprism.contract.instruments import Source
from marketprism.nats_login import NatsLogin
from marketprism.ops.replay import read_lines
from marketprism.ops.replay import replay as replay_lines
from marketprism.pipeline.feed import Feed
from marketprism.pipeline.outputs import Output, Record
from marketprism.telemetry import logs
from marketprism.venues.binance.adapter import Binance
from marketprism.venues.binance.markets import MARKETS, instrument
from marketprism.venues.protocol import RestRequest

YIELD_EVERY = 200


class Sink(StrEnum):
    """Where the events go."""

    NULL = "null"
    NATS = "nats"


class Speed(StrEnum):
    """How fast recorded frames are fed."""

    MAX = "max"
    REALTIME = "realtime"


def replay(
    files: Annotated[list[Path], typer.Argument(help="Recordings, in order of time.", exists=True, dir_okay=False)],
    venue: Annotated[str, typer.Option(help="binance-spot or binance-usdm.")],
    symbol: Annotated[str, typer.Option(help="Instrument, BTCUSDT or BTC-USDT.")],
    sink: Annotated[Sink, typer.Option(help="Where the events go.")] = Sink.NULL,
    speed: Annotated[Speed, typer.Option(help="How fast frames are fed.")] = Speed.MAX,
    as_json: render.Json = False,
) -> None:
    """Feed recorded frames through the live adapter, book engine and publisher."""
    if venue not in MARKETS:
        raise typer.BadParameter(f"{venue!r} is not one of {', '.join(MARKETS)}", param_hint="--venue")
    result = asyncio.run(_replay(files, venue, symbol, sink, speed))
    if as_json:
        render.as_json(result)
    else:
        for key, value in result.items():
            typer.echo(f"{key:18} {value}")


async def _replay(files: list[Path], venue: str, symbol: str, sink: Sink, speed: Speed) -> dict[str, object]:
    recorded = instrument(MARKETS[venue], symbol)
    adapter = Binance(MARKETS[venue], [recorded], ("trade", "orderbook"))
    feed = Feed(adapter)
    lines = (line for path in files for line in read_lines(path))
    (request,) = adapter.book_request(recorded)
    assert isinstance(request, RestRequest), "Binance's books are asked for over REST"
    outputs = replay_lines(lines, feed, request)
    started = time.perf_counter()
    if sink is Sink.NULL:
        published = [isinstance(output, Record) async for output in _paced(outputs, speed)].count(True)
    else:
        published = await _publish(_paced(outputs, speed))
    seconds = time.perf_counter() - started
    counters = feed.counters
    return {
        "frames": counters.frames,
        "events": dict(counters.events),
        "gaps": counters.gaps.total(),
        "book_checks": asdict(counters.book_checks),
        "published": published,
        "refused": dict(counters.refused),
        "seconds": round(seconds, 6),
        "events_per_second": round(counters.events.total() / seconds),
    }


async def _publish(outputs: AsyncIterator[Output]) -> int:
    settings = settings_module.load()
    logs.configure(settings.log_level)
    async with Publisher(login=NatsLogin.of(settings, "collector"), coalesce=False) as publisher:
        await publisher.wait_connected()
        async for output in outputs:
            if isinstance(output, Record):
                await publisher.publish(output.data_type, Source.REPLAYED, output.instrument, output.event)
        await publisher.drain()
        return publisher.published


async def _paced(outputs: Iterator[tuple[int, Output]], speed: Speed) -> AsyncIterator[Output]:
    loop = asyncio.get_running_loop()
    origin: float | None = None
    for count, (receive_ns, output) in enumerate(outputs):
        if speed is Speed.REALTIME:
            due = receive_ns / 1e9
            origin = loop.time() - due if origin is None else origin
            await asyncio.sleep(origin + due - loop.time())
        elif count % YIELD_EVERY == 0:
            await asyncio.sleep(0)  # the publisher shares this loop
        yield output
