"""Adapter, book and publisher as the collector has them, fed with frames that never end; see `bench_pipeline`.

    python -m benchmarks.worker_collector CONFIG FRAMES IMAGES EVENTS_PER_SECOND

Stands for the collector's process without its WebSocket. 0 events a second feed as fast as storage keeps up: more than
`MOST_BEHIND` messages that storage has not acknowledged stop the feeding until there are fewer. Ends at SIGTERM, then
prints what it published.
"""

import asyncio
import json
import signal
import sys
import time
from pathlib import Path

from benchmarks.feeding import Rounds, image_of
from benchmarks.frames import read_images
from marketprism.collector.publisher import Publisher
from marketprism.collector.spool import Spool
from marketprism.contract.catalog import STREAMS
from marketprism.contract.instruments import Source
from marketprism.nats_login import NatsLogin
from marketprism.ops.replay import read_lines
from marketprism.pipeline.feed import Feed
from marketprism.pipeline.outputs import Output, Record
from marketprism.settings import Settings, load
from marketprism.storage.consumer import pending_messages
from marketprism.telemetry import logs
from marketprism.venues.binance.adapter import Binance
from marketprism.venues.binance.markets import USDM, instrument

MOST_BEHIND = 10_000
SLICE_SECONDS = 0.005
"""Frames are fed in slices of this length, as a socket's reader would take what has arrived."""
LOOK_SECONDS = 0.2


class Collector:
    """One run.

    Args:
        publisher: Started.
        rounds: What is fed.
        images: The whole books before the first round.
        rate: Events a second; 0 is as fast as storage keeps up.
    """

    def __init__(self, publisher: Publisher, rounds: Rounds, images: dict[str, bytes], rate: float) -> None:
        self._instruments = [instrument(USDM, symbol) for symbol in images]
        self._venue = Binance(USDM, self._instruments, ("trade", "orderbook", "orderbook_delta"))
        self._feed = Feed(self._venue, book_changes=True)
        self._publisher, self._rounds, self._images, self._rate = publisher, rounds, images, rate
        self.events = 0
        self.room = asyncio.Event()
        self.room.set()

    async def run(self, stop: asyncio.Event) -> None:
        started, number = time.perf_counter(), 0
        while not stop.is_set():
            await self._begin_round(number)
            slice_end = time.perf_counter() + SLICE_SECONDS
            for template in self._rounds.templates:
                if time.perf_counter() >= slice_end:
                    await self._pause(started)
                    slice_end = time.perf_counter() + SLICE_SECONDS
                    if stop.is_set():
                        break
                shift = self._rounds.shift(number, template.symbol, is_trade=template.is_trade)
                now_ns = time.time_ns()
                await self._publish(self._feed.feed(template.frame(now_ns // 1_000_000, shift), now_ns))
                if self._rate and self.events >= (time.perf_counter() - started) * self._rate:
                    slice_end = 0
            number += 1

    async def _begin_round(self, number: int) -> None:
        """Start the books over: the end of a session is no beginning of one."""
        for connection in self._venue.connections():
            self._feed.disconnected(connection)
        for each in self._instruments:
            (request,) = self._venue.book_request(each)
            image = image_of(self._images[each.name], self._rounds.shift(number, each.name, is_trade=False))
            await self._publish(self._feed.answer(request, image, time.time_ns()))

    async def _pause(self, started: float) -> None:
        ahead = self.events / self._rate - (time.perf_counter() - started) if self._rate else 0
        await asyncio.sleep(max(0.0, ahead))
        await self.room.wait()

    async def _publish(self, outputs: list[Output]) -> None:
        for output in outputs:
            if isinstance(output, Record):
                self.events += 1
                await self._publisher.publish(output.data_type, Source.SIMULATED, output.instrument, output.event)


async def keep_in_reach(settings: Settings, room: asyncio.Event) -> None:
    """Stop the feeding while storage is far behind."""
    login = NatsLogin.of(settings, "admin")
    client = login.client()
    await client.connect(**login.options())
    streams = [stream for stream in STREAMS.values() if stream.consumer is not None]
    while True:
        behind = sum([await pending_messages(client, stream) for stream in streams])
        (room.set if behind < MOST_BEHIND else room.clear)()
        await asyncio.sleep(LOOK_SECONDS)


async def main() -> None:
    config, frames, images, rate = Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), float(sys.argv[4])
    logs.configure("ERROR")
    settings = load(config, environ={})
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    spool = Spool(settings.collector.spool_directory, settings.collector.spool_bytes)
    async with Publisher(login=NatsLogin.of(settings, "collector"), spool=spool) as publisher:
        await publisher.wait_connected()
        collector = Collector(publisher, Rounds(list(read_lines(frames))), read_images(images), rate)
        watching = asyncio.create_task(keep_in_reach(settings, collector.room))
        await collector.run(stop)
        watching.cancel()
        await publisher.drain()
        count = publisher.counters
        sys.stdout.write(json.dumps({"published": count.published, "coalesced": count.coalesced}) + "\n")


if __name__ == "__main__":
    asyncio.run(main())
