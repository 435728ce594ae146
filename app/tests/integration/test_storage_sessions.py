"""Strict order: one acknowledgement covers all earlier messages, so none of them may be missing."""

import asyncio

import pytest
from nats.aio.client import Client as NatsClient

from marketprism.contract.catalog import STREAMS
from marketprism.errors import UnavailableError
from marketprism.storage.consumer import Session, pending_messages
from marketprism.storage.dead_letters import DeadLetter, lay_aside
from tests.integration.conftest import api, connect
from tests.integration.servers import NatsServer
from tests.storage.envelopes import message

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("streams")]
STREAM = STREAMS["MARKET_DATA"]


@pytest.fixture
async def client(nats_server: NatsServer):
    """A connection with the rights of the storage service, no more."""
    made = await connect(nats_server, "storage")
    yield made
    await made.close()


@pytest.fixture
async def collector(nats_server: NatsServer):
    made = await connect(nats_server, "collector")
    yield made
    await made.close()


async def publish(collector: NatsClient, count: int, size: int = 10) -> None:
    for _ in range(count):
        await collector.request("trade.binance.spot.BTC-USDT", b"x" * size, timeout=2)


async def opened(client: NatsClient) -> Session:
    session = Session(client, STREAM)
    await session.open()
    return session


async def sequences(session: Session, messages: int = 100, size: int = 8_000_000) -> list[int]:
    return [m.stream_seq for m in await session.pull(messages=messages, size=size, seconds=0.3)]


async def test_a_pull_ends_at_its_count_and_the_next_one_goes_on(client: NatsClient, collector: NatsClient):
    await publish(collector, 10)
    session = await opened(client)
    assert await sequences(session, messages=4) == [1, 2, 3, 4]
    assert await sequences(session) == [5, 6, 7, 8, 9, 10]
    assert await sequences(session) == []
    await session.close()


async def test_a_pull_is_bounded_by_bytes(client: NatsClient, collector: NatsClient):
    await publish(collector, 10, size=100_000)
    session = await opened(client)
    assert len(await sequences(session, size=500_000)) < 10
    await session.close()


async def test_unacknowledged_messages_come_again_first_and_at_once(client: NatsClient, collector: NatsClient):
    """Newer messages first would let their acknowledgement cover these; their deadline is 30 s away."""
    await publish(collector, 20)
    dead = await opened(client)
    assert await sequences(dead, messages=15) == list(range(1, 16))
    alive = await opened(client)
    again = await alive.pull(messages=18, size=8_000_000, seconds=1)
    assert [m.stream_seq for m in again] == list(range(1, 19))
    assert [m.deliveries for m in again] == [2] * 15 + [1] * 3
    await alive.acknowledge(again[-1])
    assert await pending_messages(client, STREAM) == 2
    await dead.close()
    await alive.close()


async def test_a_batch_that_was_pulled_ahead_is_acknowledged_on_its_own(client: NatsClient, collector: NatsClient):
    """The acknowledgement of the batch before does not cover it: after a kill it comes again, and it alone."""
    await publish(collector, 12)
    dead = await opened(client)
    first = await dead.pull(messages=5, size=8_000_000, seconds=1)
    ahead = asyncio.create_task(dead.pull(messages=5, size=8_000_000, seconds=1))
    await dead.acknowledge(first[-1])
    assert [m.stream_seq for m in await ahead] == [6, 7, 8, 9, 10]
    assert [m.stream_seq for m in await dead.pull(messages=5, size=8_000_000, seconds=0.3)] == [11, 12]
    alive = await opened(client)
    again = await alive.pull(messages=100, size=8_000_000, seconds=0.3)
    assert [(m.stream_seq, m.deliveries) for m in again] == [(number, 2) for number in range(6, 13)]
    await dead.close()
    await alive.close()


async def test_what_comes_again_is_complete_and_in_order_before_anything_is_handed_out(
    client: NatsClient, collector: NatsClient
):
    """The server puts a redelivery that does not fit into a pull behind all others: the acknowledgement of those would
    cover it, and it would never come."""
    await publish(collector, 20, size=100_000)
    dead = await opened(client)
    assert await sequences(dead, messages=15) == list(range(1, 16))
    await dead.close()
    alive = await opened(client)
    found: list[int] = []
    while len(found) < 20:
        some = await alive.pull(messages=4, size=350_000, seconds=1)
        found += [m.stream_seq for m in some]
        await alive.acknowledge(some[-1])
    assert found == list(range(1, 21))
    await alive.close()


async def test_a_message_that_the_disk_damaged_after_its_delivery_is_left_out(
    nats_server: NatsServer, collector: NatsClient
):
    for number in range(1, 11):
        await collector.request("trade.binance.spot.BTC-USDT", b"%02d" % number * 50, timeout=2)
    client = await connect(nats_server, "storage")
    dead = await opened(client)
    assert await sequences(dead, messages=8) == list(range(1, 9))
    await client.close()
    await asyncio.to_thread(damage, nats_server, b"05" * 50)
    client = await connect(nats_server, "storage")
    alive = await opened(client)
    again = await alive.pull(messages=8, size=8_000_000, seconds=1)
    assert [m.stream_seq for m in again] == [1, 2, 3, 4, 6, 7, 8, 9, 10]
    await alive.acknowledge(again[-1])
    assert await pending_messages(client, STREAM) == 0
    await client.close()


def damage(server: NatsServer, payload: bytes) -> None:
    """Flip a bit of a payload on the disk of a server that is not running."""
    server.stop()
    (block,) = server.directory.glob("store/jetstream/*/streams/MARKET_DATA/msgs/*.blk")
    content = bytearray(block.read_bytes())
    content[content.index(payload)] ^= 1
    block.write_bytes(content)
    server.start()


async def test_a_delivery_to_somebody_else_ends_the_session(
    client: NatsClient, collector: NatsClient, nats_admin: NatsClient
):
    await publish(collector, 5)
    session = await opened(client)
    thief = await nats_admin.subscribe("_INBOX.admin.thief")
    await nats_admin.publish("$JS.API.CONSUMER.MSG.NEXT.MARKET_DATA.storage-hot", b'{"batch": 1}', reply=thief.subject)
    await thief.next_msg(2)
    with pytest.raises(UnavailableError, match="never arrived"):
        await sequences(session)
    await session.close()
    after = await opened(client)
    assert await sequences(after) == [1, 2, 3, 4, 5]
    await after.close()


async def test_messages_that_the_limits_removed_do_not_block_those_after_them(
    client: NatsClient, collector: NatsClient, nats_admin: NatsClient
):
    await publish(collector, 6)
    session = await opened(client)
    await sequences(session, messages=4)
    await api(nats_admin, "STREAM.PURGE.MARKET_DATA", {"seq": 3})
    after = await opened(client)
    assert await sequences(after) == [3, 4, 5, 6]
    await session.close()
    await after.close()


async def test_nothing_is_delivered_again_while_a_batch_is_held(
    client: NatsClient, collector: NatsClient, nats_admin: NatsClient
):
    """ClickHouse may be away for longer than the acknowledgement's deadline, here one second."""
    config = (await api(nats_admin, "CONSUMER.INFO.MARKET_DATA.storage-hot"))["config"] | {"ack_wait": 10**9}
    body = {"stream_name": "MARKET_DATA", "config": config, "action": "update"}
    assert "error" not in await api(nats_admin, "CONSUMER.CREATE.MARKET_DATA.storage-hot", body)
    await publish(collector, 5)
    session = await opened(client)
    held = await session.pull(messages=3, size=8_000_000, seconds=1)
    await asyncio.sleep(2.5)
    await session.acknowledge(held[-1])
    assert await sequences(session) == [4, 5]
    await session.close()


async def test_a_missing_consumer_names_the_remedy(client: NatsClient, nats_admin: NatsClient):
    await api(nats_admin, "CONSUMER.DELETE.MARKET_DATA.storage-hot")
    with pytest.raises(UnavailableError, match="marketprism streams apply"):
        await opened(client)


async def test_a_consumer_that_is_deleted_ends_the_session(client: NatsClient, nats_admin: NatsClient):
    session = await opened(client)
    await api(nats_admin, "CONSUMER.DELETE.MARKET_DATA.storage-hot")
    with pytest.raises(UnavailableError):
        await sequences(session)
    await session.close()


async def test_a_stream_that_is_made_anew_has_another_epoch(client: NatsClient, nats_admin: NatsClient):
    first = (await opened(client)).epoch
    config = (await api(nats_admin, "STREAM.INFO.MARKET_DATA"))["config"]
    consumer = (await api(nats_admin, "CONSUMER.INFO.MARKET_DATA.storage-hot"))["config"]
    await api(nats_admin, "STREAM.DELETE.MARKET_DATA")
    await api(nats_admin, "STREAM.CREATE.MARKET_DATA", config)
    body = {"stream_name": "MARKET_DATA", "config": consumer}
    await api(nats_admin, "CONSUMER.DURABLE.CREATE.MARKET_DATA.storage-hot", body)
    assert (await opened(client)).epoch != first


async def test_a_dead_letter_is_stored_once_with_its_reason(client: NatsClient, nats_admin: NatsClient):
    letter = DeadLetter(message(70, payload=b"not json"), "undecodable", "line one\nline two é", 1)
    for _ in range(2):
        await lay_aside(client, "MARKET_DATA", 7, letter)
    info = await api(nats_admin, "STREAM.INFO.DEAD_LETTERS")
    assert info["state"]["messages"] == 1
    stored = await nats_admin.jetstream().get_msg("DEAD_LETTERS", 1)
    assert stored.data == b"not json"
    assert stored.headers["Marketprism-Reason"] == "undecodable: line one line two \\xe9"
    assert stored.headers["Marketprism-Subject"] == "trade.binance.spot.BTC-USDT"
    assert stored.headers["Marketprism-Stream-Sequence"] == "70"


async def test_a_dead_letter_of_the_largest_size_still_arrives(client: NatsClient, nats_admin: NatsClient):
    letter = DeadLetter(message(71, payload=b"x" * (1024 * 1024 - 100)), "undecodable", "too long", 1)
    await lay_aside(client, "MARKET_DATA", 7, letter)
    stored = await nats_admin.jetstream().get_msg("DEAD_LETTERS", 1)
    assert stored.headers["Marketprism-Omitted-Bytes"] == str(1024 * 1024 - 100)


async def test_a_missing_dead_letter_stream_is_an_outage_not_a_loss(client: NatsClient, nats_admin: NatsClient):
    await api(nats_admin, "STREAM.DELETE.DEAD_LETTERS")
    with pytest.raises(UnavailableError, match="DEAD_LETTERS"):
        await lay_aside(client, "MARKET_DATA", 7, DeadLetter(message(72, payload=b"x"), "undecodable", "x", 1))
