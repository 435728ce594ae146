"""The publisher without a server; what it does with one is in tests/integration/test_collector_publisher.py."""

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from marketprism.collector.lane import Limits
from marketprism.collector.publisher import Publisher
from marketprism.collector.spool import Spool
from marketprism.contract.instruments import Source
from marketprism.errors import UnavailableError
from marketprism.nats_login import NatsLogin
from marketprism.nkey import NKey
from tests.collector.balance import balances
from tests.collector.driven import names
from tests.collector.events import book, instrument, trade
from tests.collector.waiting import until


def make(**options: object) -> Publisher:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
    return Publisher(login=NatsLogin(f"nats://127.0.0.1:{port}", "collector", NKey.generate()), **options)


async def feed(publisher: Publisher, events: int) -> None:
    for number in range(events):
        await publisher.publish("trade", Source.LIVE, instrument(), trade(number))


@pytest.fixture
async def spooling(tmp_path: Path) -> AsyncIterator[Publisher]:
    limits = Limits(messages=2, patience_seconds=0.05)
    async with make(limits=limits, spool=Spool(tmp_path / "spool", 100_000)) as publisher:
        yield publisher


async def test_without_a_server_and_a_spool_trades_wait_at_the_bound_and_books_coalesce() -> None:
    async with make(limits=Limits(messages=2)) as publisher:
        for number in range(5):
            await publisher.publish("orderbook", Source.LIVE, instrument(), book(number, 1))
        assert (publisher.counters.coalesced, publisher.in_flight) == (2, 3)
        waiting = asyncio.create_task(feed(publisher, 1000))
        await until(lambda: publisher.lanes["MARKET_DATA"].full)
        assert not waiting.done()
        assert balances(publisher)
        before = publisher.in_flight
        waiting.cancel()
        await asyncio.wait([waiting])
        assert publisher.in_flight == before, "a cancelled wait loses nothing"
        assert balances(publisher)


async def test_with_a_spool_trades_go_to_disk_and_books_still_coalesce(spooling: Publisher) -> None:
    for number in range(5):
        await spooling.publish("orderbook", Source.LIVE, instrument(), book(number, 1))
    await feed(spooling, 400)
    await until(lambda: spooling.spooled == 300)
    assert (spooling.counters.coalesced, spooling.in_flight, spooling.counters.received) == (2, 103, 405)
    assert balances(spooling)


async def test_a_full_spool_is_named_holds_publishers_up_and_loses_nothing(spooling: Publisher, tmp_path: Path) -> None:
    feeder = asyncio.create_task(feed(spooling, 2000))
    await until(lambda: "spool full" in spooling.causes[-1])
    await until(lambda: spooling.lanes["MARKET_DATA"].full)
    assert not feeder.done()
    assert balances(spooling)
    assert spooling.causes[-1].endswith(f"of 100000 bytes in {tmp_path}/spool")
    feeder.cancel()
    await asyncio.wait([feeder])


async def test_what_is_in_memory_is_kept_for_the_next_run_books_and_open_batches_too(tmp_path: Path) -> None:
    async with make(spool=Spool(tmp_path, 100_000)) as publisher:
        await publisher.publish("orderbook", Source.LIVE, instrument(), book(1, 1))
        await feed(publisher, 3)
        assert await publisher.keep()
        assert balances(publisher)
    assert names(tmp_path) == ["MARKET_DATA-0000000001.v1.spool", "ORDERBOOK_SNAP-0000000001.v1.spool"]


async def test_without_a_spool_nothing_can_be_kept() -> None:
    async with make() as publisher:
        assert not await publisher.keep()


async def test_a_spool_that_another_process_uses_ends_the_start(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 1000)
    spool.open()
    with pytest.raises(UnavailableError, match="another collector uses the spool"):
        await make(spool=Spool(tmp_path, 1000)).__aenter__()
    spool.close()


async def test_the_cause_names_the_server_and_what_it_said() -> None:
    async with make() as publisher:
        await until(lambda: "is away" in publisher.causes[0])
        assert "nats://127.0.0.1:" in publisher.causes[0]
        assert "Connect call failed" in publisher.causes[0]
        assert not publisher.connected


async def test_an_error_of_the_body_travels_as_it_is() -> None:
    with pytest.raises(KeyError, match="body"):
        async with make():
            raise KeyError("body")


async def test_cancelling_the_owner_ends_all_tasks_and_unlocks_the_spool(tmp_path: Path) -> None:
    async def own() -> None:
        async with make(spool=Spool(tmp_path, 1000)):
            await asyncio.Event().wait()

    before = asyncio.all_tasks()
    owner = asyncio.create_task(own())
    await asyncio.sleep(0)
    owner.cancel()
    with pytest.raises(asyncio.CancelledError):
        await owner
    assert asyncio.all_tasks() == before
    spool = Spool(tmp_path, 1000)
    spool.open()
    spool.close()


async def test_two_publishers_never_share_an_id() -> None:
    assert make()._boot_id != make()._boot_id
