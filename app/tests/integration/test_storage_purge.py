"""Room in a real stream, with the rights of the storage user."""

import json
from pathlib import Path

import pytest
from nats.aio.client import Client as NatsClient

from marketprism.contract.catalog import STREAMS
from marketprism.settings import Settings
from marketprism.storage.consumer import Session
from marketprism.storage.link import Link
from marketprism.storage.metrics import StorageMetrics
from marketprism.storage.purge import REWIND_SECONDS, Purge
from marketprism.storage.server_mark import ServerMark
from tests.integration.conftest import api, connect
from tests.integration.servers import NatsServer

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("streams")]
STREAM = STREAMS["MARKET_DATA"]
ROOM = 1_000_000
NOON = 1_763_985_600


class Setup:
    """A stream of a megabyte, somebody who fills it and somebody who reads it."""

    def __init__(self, link: Link, collector: NatsClient, admin: NatsClient, directory: Path) -> None:
        self.now = 0.0
        self.metrics = StorageMetrics(streams=STREAMS, data_types=["trade"])
        self.server = ServerMark(directory, "a", STREAM.name, clock=lambda: self.now)
        self.purge = Purge(link, STREAM, self.metrics, self.server, clock=lambda: self.now)
        self.server.set(NOON)
        self._link, self._collector, self._admin = link, collector, admin

    async def fill(self, messages: int, size: int = 10_000) -> dict[str, object]:
        answer = {}
        for _ in range(messages):
            received = await self._collector.request("trade.binance.spot.BTC-USDT", b"x" * size)
            answer = json.loads(received.data)
        return answer

    async def acknowledge(self, messages: int) -> None:
        session = Session(self._link.client, STREAM)
        await session.open()
        read = await session.pull(messages=messages, size=8_000_000, seconds=2)
        await session.acknowledge(read[-1])
        await session.close()

    async def state(self) -> tuple[int, int]:
        state = (await api(self._admin, "STREAM.INFO.MARKET_DATA"))["state"]
        return state["first_seq"], state["messages"]


@pytest.fixture
async def setup(settings: Settings, credentials, nats_server: NatsServer, nats_admin: NatsClient, tmp_path: Path):
    config = (await api(nats_admin, "STREAM.INFO.MARKET_DATA"))["config"]
    await api(nats_admin, "STREAM.UPDATE.MARKET_DATA", config | {"max_bytes": ROOM})
    link = Link(settings)
    await link.connect()
    collector = await connect(nats_server, "collector")
    yield Setup(link, collector, nats_admin, tmp_path)
    await collector.close()
    await link.close()


async def test_only_unacknowledged_messages_fill_a_stream(setup: Setup):
    """A full stream takes new messages again as soon as some were acknowledged, and loses no other."""
    assert (await setup.fill(100))["error"]["err_code"] == 10077
    _, held = await setup.state()
    await setup.purge.turn()
    assert setup.purge.fill > 0.95
    assert await setup.state() == (1, held), "nothing was acknowledged"
    await setup.acknowledge(60)
    await setup.purge.turn()
    assert await setup.state() == (61, held - 60)
    assert (await setup.fill(1))["seq"] == held + 1
    labels = {"stream": STREAM.name}
    assert setup.metrics.registry.get_sample_value("marketprism_storage_purged_messages_total", labels) == 60


async def test_what_may_be_read_again_is_kept_while_there_is_room(setup: Setup):
    await setup.fill(65)
    await setup.acknowledge(30)
    await setup.purge.turn()
    setup.now = REWIND_SECONDS
    await setup.acknowledge(30)
    await setup.purge.turn()
    assert await setup.state() == (1, 65), "ClickHouse was not seen since"
    setup.server.set(NOON)
    await setup.purge.turn()
    assert await setup.state() == (31, 35)


async def test_what_another_run_of_clickhouse_has_read_again_is_kept_as_long(setup: Setup):
    await setup.fill(65)
    await setup.acknowledge(30)
    await setup.purge.turn()
    setup.now = REWIND_SECONDS
    setup.server.set(NOON + 500)
    await setup.purge.turn()
    await setup.purge.turn()
    assert await setup.state() == (1, 65)
    setup.now = 2 * REWIND_SECONDS
    setup.server.set(NOON + 500)
    await setup.purge.turn()
    assert await setup.state() == (31, 35)


async def test_below_the_mark_everything_stays(setup: Setup):
    await setup.fill(50)
    await setup.acknowledge(50)
    await setup.purge.turn()
    setup.now = REWIND_SECONDS
    setup.server.set(NOON)
    await setup.purge.turn()
    assert await setup.state() == (1, 50)


async def test_another_durable_consumer_that_lags_keeps_what_it_needs(setup: Setup, nats_admin: NatsClient):
    await setup.fill(90)
    config = {"durable_name": "audit", "ack_policy": "explicit", "deliver_policy": "all"}
    await api(nats_admin, "CONSUMER.DURABLE.CREATE.MARKET_DATA.audit", {"stream_name": "MARKET_DATA", "config": config})
    await setup.acknowledge(80)
    await setup.purge.turn()
    assert await setup.state() == (1, 90)
    await api(nats_admin, "CONSUMER.DELETE.MARKET_DATA.audit")
    await setup.purge.turn()
    assert await setup.state() == (81, 10)
