"""The disk spool against a real server: an outage longer than memory, a kill in the middle of it, a damaged disk."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from nats.aio.client import Client as NatsClient

from marketprism.collector.lane import Limits
from marketprism.collector.publisher import Publisher
from marketprism.collector.spool import Spool
from marketprism.contract import schema
from marketprism.contract.catalog import STREAMS
from marketprism.contract.instruments import Source
from tests.collector.balance import balances
from tests.collector.driven import names
from tests.collector.events import book, instrument
from tests.collector.waiting import until
from tests.integration.conftest import STORE_BYTES, api
from tests.integration.publishing import SYMBOLS, feed, ids, make
from tests.integration.servers import PASSWORDS, NatsServer

pytestmark = pytest.mark.integration

SMALL = Limits(messages=50, patience_seconds=0.1)
"""A window that an outage of a moment fills."""


def spooling(server: NatsServer, directory: Path, *, limit: int = 10**8, limits: Limits = SMALL) -> Publisher:
    return make(server, spool=Spool(directory, limit), limits=limits)


def everything(events: int) -> dict[str, list[int]]:
    return {f"trade.binance.spot.{symbol}": list(range(events)) for symbol in SYMBOLS}


@pytest.fixture
def outage(nats_server: NatsServer, streams: None) -> Iterator[NatsServer]:
    """A server with empty streams that is away; it is back after the test."""
    nats_server.kill()
    yield nats_server
    if not nats_server.is_up():
        nats_server.start()


async def test_an_outage_longer_than_the_window_loses_nothing_and_keeps_every_order(
    nats_server: NatsServer, streams: None, nats_admin: NatsClient, tmp_path: Path
) -> None:
    async with spooling(nats_server, tmp_path) as publisher:
        await feed(publisher, range(100))
        await until(lambda: publisher.published)
        nats_server.kill()
        try:
            await feed(publisher, range(100, 600))
            await until(lambda: publisher.spooled > 5000)
            assert balances(publisher)
        finally:
            await asyncio.to_thread(nats_server.start)
        await feed(publisher, range(600, 700))  # newer events while the spool empties
        assert balances(publisher)
        await publisher.drain()
        assert balances(publisher)
        count = publisher.counters
        assert (count.published, count.refused, count.recovered) == (700 * len(SYMBOLS), 0, 0)
        await until(lambda: names(tmp_path) == [])
    assert await ids(nats_admin, "MARKET_DATA") == everything(700)


async def test_a_full_stream_fills_the_spool_and_the_order_is_kept(
    nats_server: NatsServer, streams: None, nats_admin: NatsClient, tmp_path: Path
) -> None:
    config = schema.stream_config(STREAMS["MARKET_DATA"], STORE_BYTES)
    await api(nats_admin, "STREAM.UPDATE.MARKET_DATA", config | {"max_bytes": 100_000})
    async with spooling(nats_server, tmp_path) as publisher:
        await feed(publisher, range(500))
        await until(lambda: publisher.spooled and publisher.causes)
        assert publisher.causes == ["MARKET_DATA: maximum bytes exceeded (error 10077)"]
        assert balances(publisher)
        await publisher.publish("orderbook", Source.SIMULATED, instrument(), book(1))
        await until(lambda: publisher.lanes["ORDERBOOK_SNAP"].counters.published == 1)
        await api(nats_admin, "STREAM.UPDATE.MARKET_DATA", config)
        await publisher.drain()
    found = await ids(nats_admin, "MARKET_DATA")
    assert {subject: sorted(numbers) for subject, numbers in found.items()} == everything(500)


async def test_books_give_way_to_the_newest_and_never_go_to_disk(outage: NatsServer, tmp_path: Path) -> None:
    async with spooling(outage, tmp_path, limits=Limits(messages=5, patience_seconds=0.0)) as publisher:
        for number in range(100):
            await publisher.publish("orderbook", Source.SIMULATED, instrument(), book(number))
        await feed(publisher, range(1))
        await until(lambda: names(tmp_path))
        assert (publisher.counters.coalesced, publisher.lanes["ORDERBOOK_SNAP"].in_flight) == (94, 6)
        assert {name.partition("-")[0] for name in names(tmp_path)} == {"MARKET_DATA"}
        assert balances(publisher)


async def test_a_full_spool_holds_publishers_up_by_name_and_loses_nothing(
    outage: NatsServer, nats_admin: NatsClient, tmp_path: Path
) -> None:
    async with spooling(outage, tmp_path, limit=2_000_000) as publisher:
        feeder = asyncio.create_task(feed(publisher, range(3000)))
        await until(lambda: publisher.causes and "spool full: " in publisher.causes[-1])
        await until(lambda: publisher.lanes["MARKET_DATA"].full)
        assert not feeder.done()
        assert "of 2000000 bytes" in publisher.causes[-1]
        assert publisher.spool_sample().blocked
        assert sum((tmp_path / name).stat().st_size for name in names(tmp_path)) <= 2_000_000
        assert balances(publisher)
        await asyncio.to_thread(outage.start)
        await feeder
        await publisher.drain()
        await until(lambda: publisher.causes == [])
        assert not publisher.spool_sample().blocked
    assert await ids(nats_admin, "MARKET_DATA") == everything(3000)


async def test_a_stop_during_an_outage_keeps_everything_for_the_next_run(
    outage: NatsServer, nats_admin: NatsClient, tmp_path: Path
) -> None:
    async with spooling(outage, tmp_path, limits=Limits()) as publisher:
        await feed(publisher, range(33))
        await publisher.publish("orderbook", Source.SIMULATED, instrument(), book(7))
        assert await publisher.keep()
        assert publisher.counters.published == 0
    await asyncio.to_thread(outage.start)
    async with spooling(outage, tmp_path) as publisher:
        await publisher.drain()
        count = publisher.counters
        assert (count.recovered, count.received, count.published) == (33 * len(SYMBOLS) + 1, 0, 0)
        assert balances(publisher)
    assert await ids(nats_admin, "MARKET_DATA") == everything(33)
    assert await ids(nats_admin, "ORDERBOOK_SNAP") == {"orderbook.binance.spot.BTC-USDT": [7]}


async def test_a_corrupted_tail_is_cut_off_and_everything_before_it_arrives(
    outage: NatsServer, nats_admin: NatsClient, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with spooling(outage, tmp_path) as publisher:
        await feed(publisher, range(100))
        assert await publisher.keep()
    await asyncio.to_thread(outage.start)
    segment = tmp_path / names(tmp_path)[-1]
    data = bytearray(segment.read_bytes())
    data[-10] ^= 0xFF
    segment.write_bytes(data)
    async with spooling(outage, tmp_path) as publisher:
        await publisher.drain()
        cut, recovered = publisher.spool_sample().cut_bytes, publisher.counters.recovered
    found = await ids(nats_admin, "MARKET_DATA")
    short = [subject for subject, numbers in found.items() if numbers != list(range(100))]
    assert short == [f"trade.binance.spot.{SYMBOLS[-1]}"], "the last message was of this subject"
    last = found[short[0]]
    assert last == list(range(len(last)))
    assert recovered == sum(map(len, found.values())) == 1900 + len(last)
    assert 0 < cut < 20_000
    assert f"bytes={cut}" in capsys.readouterr().out.replace("\x1b[0m", "")


PROCESS = """
import asyncio, sys
from pathlib import Path
from marketprism.collector.lane import Limits
from marketprism.collector.publisher import Publisher
from marketprism.collector.spool import Spool
from marketprism.contract.instruments import Source
from marketprism.nats_login import NatsLogin
from marketprism.nkey import NKey
from marketprism.telemetry import logs
from tests.collector.events import instrument, trade
from tests.integration.publishing import SYMBOLS

async def main(url, seed, directory):
    logs.configure("ERROR")
    spool = Spool(Path(directory), 10**9)
    limits = Limits(messages=200, patience_seconds=0.2)
    async with Publisher(login=NatsLogin(url, "collector", NKey(seed)), spool=spool, limits=limits) as publisher:
        number = 0
        while True:
            for symbol in SYMBOLS:
                await publisher.publish("trade", Source.SIMULATED, instrument(symbol), trade(number))
            number += 1
            print(number, publisher.spooled, publisher.published, flush=True)
            await asyncio.sleep(0.002)

asyncio.run(main(*sys.argv[1:]))
"""


class Publishing:
    """A publisher as a process of its own that tells how far it is."""

    def __init__(self, server: NatsServer, directory: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROCESS, server.url, PASSWORDS["nats-collector"], str(directory)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        )
        self.number = self.spooled = self.published = 0

    async def until(self, *, number: int = 0, spooled: int = 0, published: int = 0) -> int:
        """Read on until all of these are reached; return the number of events of each symbol."""
        async with asyncio.timeout(30):
            while self.number < number or self.spooled < spooled or self.published < published:
                line = await asyncio.to_thread(self.process.stdout.readline)
                self.number, self.spooled, self.published = map(int, line.split())
        return self.number

    def kill(self) -> int:
        """End it at once; return the number of events of each symbol that it took."""
        self.process.kill()
        rest = self.process.stdout.read().splitlines()
        self.process.wait()
        self.process.stdout.close()
        return int(rest[-1].split()[0]) if rest else self.number


async def test_kill_9_of_the_publisher_in_an_outage_loses_only_the_last_moment_and_doubles_nothing(
    nats_server: NatsServer, streams: None, nats_admin: NatsClient, tmp_path: Path
) -> None:
    """NATS freezes with messages in the socket: it stores them when it thaws, and again they come from the spool."""
    first = Publishing(nats_server, tmp_path)
    try:
        await first.until(published=2000)
        nats_server.send(signal.SIGSTOP)
        safe = await first.until(spooled=3000)
        await first.until(number=safe + 300)  # 0.6 s later at least: longer than patience and writing
    finally:
        took = first.kill()
        nats_server.send(signal.SIGCONT)
    async with spooling(nats_server, tmp_path) as publisher:
        await feed(publisher, range(10**6, 10**6 + 1))
        await publisher.drain()
        count = publisher.counters
        assert (count.received, count.published) == (len(SYMBOLS), len(SYMBOLS))
        assert count.duplicates > 0, "what NATS had in its socket came once more and was dropped by its id"
        assert balances(publisher)
    found = await ids(nats_admin, "MARKET_DATA")
    for symbol in SYMBOLS:
        *recovered, newest = found[f"trade.binance.spot.{symbol}"]
        assert newest == 10**6, "what is on disk comes before newer events"
        assert recovered == list(range(len(recovered))), f"{symbol}: a prefix, in order, each once"
        assert safe <= len(recovered) <= took + 1
