"""Durable publishing: ours against awaited ``js.publish``, on one nats-server with ``sync_interval: always``.

Every way publishes the same trades, evenly over 20 or 500 subjects, and ends when the stream has acknowledged all of
them; ours with its disk spool, as the collector has it, which takes what NATS does not take at once, and without, as
`replay` publishes. Ways alternate within a round: a disk shared with others drifts, and the synced writes of the disk
bound every way alike. Envelopes hold 50 events where the feed brings 50 of a subject in a row ("runs"); where subjects
take turns ("turns") ours holds what 10 ms bring, or more while NATS is behind.
A ratio that falls means that the publisher waits where it did not, or makes smaller envelopes.
"""

import asyncio
import itertools
import os
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.collector.events import instrument, trade
from tests.integration.conftest import api, connect
from tests.integration.servers import NatsServer

from benchmarks.report import Row, Show
from benchmarks.stack import require
from marketprism.collector.publisher import Publisher
from marketprism.collector.spool import Spool
from marketprism.contract import schema, wire
from marketprism.contract.catalog import STREAMS, subject
from marketprism.contract.events import Trade
from marketprism.contract.instruments import Instrument, Source

STREAM = "MARKET_DATA"
STORE_BYTES = 8 * 1024**3
AWAITED_SHARE = 20
"""One message at a time is so slow that a twentieth of the events has to do."""

Feed = list[tuple[Instrument, Trade]]


@dataclass(frozen=True)
class Way:
    """One way to publish a feed; returns the seconds that it took."""

    name: str
    publish: Callable[[NatsServer, Feed], Awaitable[float]]
    share: int = 1


def make_feed(subjects: int, events: int, run: int) -> Feed:
    """Make trades that change the subject after every `run` events."""
    instruments = [instrument(f"S{number}-USDT") for number in range(subjects)]
    turns: Iterator[Instrument] = itertools.cycle(instruments)
    return [(about, trade(first + n)) for first in range(0, events, run) for about in [next(turns)] for n in range(run)]


async def ours(server: NatsServer, feed: Feed) -> float:
    with tempfile.TemporaryDirectory() as directory:
        return await publish(server, feed, Spool(Path(directory), 2 * 1024**3))


async def ours_in_memory(server: NatsServer, feed: Feed) -> float:
    return await publish(server, feed, None)


async def publish(server: NatsServer, feed: Feed, spool: Spool | None) -> float:
    async with Publisher(login=server.login("collector"), spool=spool) as publisher:
        await publisher.wait_connected()
        started = time.perf_counter()
        for count, (about, event) in enumerate(feed):
            await publisher.publish("trade", Source.SIMULATED, about, event)
            if count % 100 == 0:
                await asyncio.sleep(0)  # as a socket's reader would
        await publisher.drain()
        seconds = time.perf_counter() - started
        assert publisher.published == len(feed)
        return seconds


async def awaited(server: NatsServer, feed: Feed, events_each: int) -> float:
    client = await connect(server, "collector")
    jetstream = client.jetstream()
    started = time.perf_counter()
    for number, first in enumerate(range(0, len(feed), events_each)):
        about = feed[first][0]
        payload = wire.encode("trade", Source.SIMULATED, about, [e for _, e in feed[first : first + events_each]])
        await jetstream.publish(subject("trade", about), payload, headers={wire.MESSAGE_ID_HEADER: f"x:{number}"})
    seconds = time.perf_counter() - started
    await client.close()
    return seconds


async def awaited_singly(server: NatsServer, feed: Feed) -> float:
    return await awaited(server, feed, 1)


async def awaited_envelopes(server: NatsServer, feed: Feed) -> float:
    return await awaited(server, feed, wire.MAX_EVENTS)


OURS = Way("ours", ours)
PEERS = (
    Way("ours, without a spool", ours_in_memory),
    Way("js.publish, awaited, 50 events a message", awaited_envelopes),
    Way("js.publish, awaited, 1 event a message", awaited_singly, share=AWAITED_SHARE),
)


async def measure(server: NatsServer, way: Way, feed: Feed) -> float:
    """Publish into an empty stream and return events per second."""
    admin = await connect(server, "admin")
    await api(admin, f"STREAM.DELETE.{STREAM}")
    await api(admin, f"STREAM.CREATE.{STREAM}", schema.stream_config(STREAMS[STREAM], STORE_BYTES))
    part = feed[: len(feed) // way.share]
    seconds = await way.publish(server, part)
    messages = (await api(admin, f"STREAM.INFO.{STREAM}"))["state"]["messages"]
    assert len(part) / wire.MAX_EVENTS <= messages <= len(part)
    await admin.close()
    return len(part) / seconds


async def compare(server: NatsServer, feed: Feed, peers: tuple[Way, ...], rounds: int) -> list[Row]:
    rates: dict[str, list[float]] = {way.name: [] for way in (OURS, *peers)}
    synced = []
    for _ in range(rounds):
        synced.append(synced_writes(server.directory))
        for way in (OURS, *peers):
            rates[way.name].append(await measure(server, way, feed))
    ours = Row(name=OURS.name, unit="events/s", values=rates[OURS.name], target="100,000 over 20 subjects")
    rows = [Row(name="synced writes of the disk", unit="writes/s", values=synced), ours]
    for peer in peers:
        yardstick = Row(name=peer.name, unit="events/s", values=rates[peer.name])
        rows.append(yardstick.beaten_by(ours))
    return rows


def synced_writes(directory: Path, writes: int = 200) -> float:
    """Measure what bounds every way: writes a second of the size of an envelope, each synced."""
    path = directory / "probe"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_DSYNC)
    started = time.perf_counter()
    for _ in range(writes):
        os.write(descriptor, bytes(12_000))
    seconds = time.perf_counter() - started
    os.close(descriptor)
    path.unlink()
    return writes / seconds


async def run(instruments: Sequence[int], rounds: int, events: int, show: Show) -> None:
    with tempfile.TemporaryDirectory() as directory:
        server = NatsServer(Path(directory), require("nats_server"))
        server.start()
        try:
            for subjects in instruments:
                feed = make_feed(subjects, events, wire.MAX_EVENTS)
                show(f"publishing, {subjects} subjects, runs of 50", await compare(server, feed, PEERS, rounds))
                feed = make_feed(subjects, events, 1)
                peers = (PEERS[0], PEERS[2])
                show(f"publishing, {subjects} subjects, turns of 1", await compare(server, feed, peers, rounds))
        finally:
            server.stop()
