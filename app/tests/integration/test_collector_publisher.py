"""The publisher against a real server: every event is in the stream once, whatever happened on the way."""

import asyncio
import signal

import pytest
from nats.aio.client import Client as NatsClient

from marketprism.collector import connection
from marketprism.collector.lane import Limits
from marketprism.collector.publisher import Publisher
from marketprism.contract import schema
from marketprism.contract.catalog import STREAMS
from marketprism.contract.instruments import Source
from marketprism.errors import ConfigurationError
from marketprism.nats_login import NatsLogin
from marketprism.nkey import NKey
from tests.collector.balance import balances
from tests.collector.events import book, instrument, trade
from tests.collector.waiting import until
from tests.integration.conftest import STORE_BYTES, api
from tests.integration.publishing import SYMBOLS, feed, ids, make
from tests.integration.servers import NatsServer

pytestmark = pytest.mark.integration


async def test_every_event_is_stored_once_and_in_order(
    nats_server: NatsServer, streams: None, nats_admin: NatsClient
) -> None:
    async with make(nats_server) as publisher:
        await feed(publisher, range(200))
        assert balances(publisher)
        await publisher.drain()
        assert (publisher.published, publisher.in_flight, publisher.counters.duplicates) == (200 * len(SYMBOLS), 0, 0)
    assert await ids(nats_admin, "MARKET_DATA") == {
        f"trade.binance.spot.{symbol}": list(range(200)) for symbol in SYMBOLS
    }


async def test_kill_9_in_the_middle_loses_nothing_and_doubles_nothing(
    nats_server: NatsServer, streams: None, nats_admin: NatsClient
) -> None:
    total = 4000 * len(SYMBOLS)
    async with make(nats_server) as publisher:
        for first in (0, 2000):
            await publisher.wait_connected()
            await feed(publisher, range(first, first + 500))
            nats_server.send(signal.SIGSTOP)  # else a fast server may have acknowledged everything before it dies
            feeder = asyncio.create_task(feed(publisher, range(first + 500, first + 2000), pause_every=5))
            resent = publisher.counters.resent
            await until(lambda: publisher.lanes["MARKET_DATA"].unacknowledged[0] > 100)
            nats_server.kill()
            await until(lambda: not publisher.connected)
            assert balances(publisher)
            await asyncio.to_thread(nats_server.start)
            await feeder
            await publisher.drain()
            assert publisher.counters.resent > resent
        assert (publisher.published, publisher.counters.refused) == (total, 0)
    found = await ids(nats_admin, "MARKET_DATA")
    assert {subject: sorted(numbers) for subject, numbers in found.items()} == {
        f"trade.binance.spot.{symbol}": list(range(4000)) for symbol in SYMBOLS
    }
    assert all(numbers == sorted(numbers) for numbers in found.values()), "order of a subject"


async def test_a_server_that_starts_later_gets_what_came_before(
    nats_server: NatsServer, streams: None, nats_admin: NatsClient
) -> None:
    nats_server.kill()
    try:
        async with make(nats_server) as publisher:
            await feed(publisher, range(10))
            await until(lambda: "is away" in " ".join(publisher.causes))
            await asyncio.to_thread(nats_server.start)
            await publisher.drain()
            assert publisher.published == 10 * len(SYMBOLS)
    finally:
        if not nats_server.is_up():
            nats_server.start()


async def test_a_frozen_server_is_a_named_cause_and_heals(nats_server: NatsServer, streams: None) -> None:
    async with make(nats_server, limits=Limits(ack_seconds=0.5)) as publisher:
        await publisher.wait_connected()
        nats_server.send(signal.SIGSTOP)
        try:
            await feed(publisher, range(5))
            await until(lambda: publisher.counters.resent > 0)
        finally:
            nats_server.send(signal.SIGCONT)
        await publisher.drain()
        assert publisher.published == 5 * len(SYMBOLS)
        await until(lambda: publisher.counters.duplicates > 0)


async def test_a_half_open_link_with_full_buffers_is_noticed_and_replaced(
    nats_server: NatsServer, streams: None, nats_admin: NatsClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A send that hangs in the lost connection must not keep the next one from working."""
    monkeypatch.setattr(connection, "PING_SECONDS", 0.3)
    async with make(nats_server, coalesce=False) as publisher:
        await publisher.wait_connected()
        nats_server.send(signal.SIGSTOP)
        try:
            for number in range(2500):  # 13 MB: more than the client's buffer and the sockets' take
                await publisher.publish("orderbook", Source.SIMULATED, instrument(), book(number))
            await until(lambda: not publisher.connected)
        finally:
            nats_server.send(signal.SIGCONT)
        async with asyncio.timeout(20):
            await publisher.drain()
        assert publisher.published == 2500
    state = (await api(nats_admin, "STREAM.INFO.ORDERBOOK_SNAP"))["state"]
    assert (state["messages"], state["last_seq"]) == (2500, 2500)


async def test_wrong_credentials_are_named_at_once(nats_server: NatsServer) -> None:
    publisher = Publisher(login=NatsLogin(nats_server.url, "collector", NKey.generate()))
    async with publisher:
        with pytest.raises(ConfigurationError, match="refuses the user 'collector'"):
            await publisher.wait_connected()


async def test_a_full_stream_holds_publishing_up_by_name_and_loses_nothing(
    nats_server: NatsServer, streams: None, nats_admin: NatsClient
) -> None:
    config = schema.stream_config(STREAMS["MARKET_DATA"], STORE_BYTES)
    await api(nats_admin, "STREAM.UPDATE.MARKET_DATA", config | {"max_bytes": 20_000})
    async with make(nats_server, limits=Limits(messages=10)) as publisher:
        await publisher.wait_connected()
        feeder = asyncio.create_task(feed(publisher, range(200)))
        await until(lambda: publisher.causes)
        assert publisher.causes == ["MARKET_DATA: maximum bytes exceeded (error 10077)"]
        assert not feeder.done()
        assert balances(publisher)
        await api(nats_admin, "STREAM.UPDATE.MARKET_DATA", config)
        await feeder
        await publisher.drain()
        assert publisher.causes == []
    found = await ids(nats_admin, "MARKET_DATA")
    assert {subject: sorted(numbers) for subject, numbers in found.items()} == {
        f"trade.binance.spot.{symbol}": list(range(200)) for symbol in SYMBOLS
    }


async def test_a_missing_stream_is_named_and_waited_for(
    nats_server: NatsServer, streams: None, nats_admin: NatsClient
) -> None:
    await api(nats_admin, "STREAM.DELETE.ORDERBOOK_SNAP")
    async with make(nats_server) as publisher:
        await publisher.wait_connected()
        await publisher.publish("orderbook", Source.SIMULATED, instrument(), book(1))
        await publisher.publish("trade", Source.SIMULATED, instrument(), trade(1))
        await until(lambda: publisher.causes)
        assert "no stream takes the subjects of ORDERBOOK_SNAP" in publisher.causes[0]
        await until(lambda: publisher.published == 1)  # the trade does not wait for the book
        config = schema.stream_config(STREAMS["ORDERBOOK_SNAP"], STORE_BYTES)
        await api(nats_admin, "STREAM.CREATE.ORDERBOOK_SNAP", config)
        await publisher.drain()
        assert publisher.published == 2


@pytest.mark.parametrize("coalesce", [True, False])
async def test_books_give_way_to_newer_ones_only_when_allowed(
    nats_server: NatsServer, streams: None, nats_admin: NatsClient, *, coalesce: bool
) -> None:
    async with make(nats_server, limits=Limits(messages=5), coalesce=coalesce) as publisher:

        async def books() -> None:
            for number in range(20):
                await publisher.publish("orderbook", Source.SIMULATED, instrument(), book(number))

        feeder = asyncio.create_task(books())
        await until(lambda: publisher.published)
        assert balances(publisher)
        await feeder
        await publisher.drain()
        assert publisher.published + publisher.counters.coalesced == 20
        assert (publisher.counters.coalesced > 0) is coalesce
    numbers = (await ids(nats_admin, "ORDERBOOK_SNAP"))["orderbook.binance.spot.BTC-USDT"]
    assert len(numbers) == publisher.published
    assert numbers[-1] == 19, "the newest book always arrives"
    assert numbers == sorted(numbers)


async def test_an_event_larger_than_the_server_takes_is_refused_and_counted(
    nats_server: NatsServer, streams: None
) -> None:
    async with make(nats_server) as publisher:
        await publisher.publish("orderbook", Source.SIMULATED, instrument(), book(1, levels=30_000))
        await publisher.drain()
        assert (publisher.counters.refused, publisher.published, publisher.in_flight) == (1, 0, 0)
