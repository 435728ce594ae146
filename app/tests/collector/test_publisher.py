"""The publisher without a server; what it does with one is in tests/integration/test_collector_publisher.py."""

import asyncio
import socket

import pytest

from marketprism.collector.lane import Limits
from marketprism.collector.publisher import Publisher
from marketprism.contract.instruments import Source
from tests.collector.events import book, instrument, trade
from tests.collector.waiting import until


def make(**options: object) -> Publisher:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
    return Publisher(url=f"nats://127.0.0.1:{port}", user="collector", password="x", **options)


def balances(publisher: Publisher) -> bool:
    count = publisher.counters
    return count.received == count.published + count.coalesced + count.refused + publisher.in_flight


async def test_without_a_server_trades_wait_at_the_bound_and_books_coalesce() -> None:
    async with make(limits=Limits(messages=2)) as publisher:
        for number in range(5):
            await publisher.publish("orderbook", Source.LIVE, instrument(), book(number, 1))
        assert (publisher.coalesced, publisher.in_flight) == (2, 3)

        async def trades() -> None:
            for number in range(1000):
                await publisher.publish("trade", Source.LIVE, instrument(), trade(number))

        waiting = asyncio.create_task(trades())
        await until(lambda: publisher.lanes["MARKET_DATA"].full)
        assert not waiting.done()
        assert balances(publisher)
        before = publisher.in_flight
        waiting.cancel()
        await asyncio.wait([waiting])
        assert publisher.in_flight == before, "a cancelled wait loses nothing"
        assert balances(publisher)


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


async def test_cancelling_the_owner_ends_all_tasks() -> None:
    async def own() -> None:
        async with make():
            await asyncio.Event().wait()

    before = asyncio.all_tasks()
    owner = asyncio.create_task(own())
    await asyncio.sleep(0)
    owner.cancel()
    with pytest.raises(asyncio.CancelledError):
        await owner
    assert asyncio.all_tasks() == before


async def test_two_publishers_never_share_an_id() -> None:
    assert make()._boot_id != make()._boot_id
