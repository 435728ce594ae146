"""The fixtures themselves: real servers with the contract's users."""

import pytest
from nats.aio.client import Client as NatsClient

from marketprism.contract.catalog import STREAMS
from tests.integration.conftest import api
from tests.integration.servers import ClickHouseServer, NatsServer
from tests.integration.tiers import add_trades, hot

pytestmark = pytest.mark.integration


def test_nats_syncs_every_message_to_disk(nats_server: NatsServer):
    assert nats_server.jsz()["config"]["sync_interval"]
    assert nats_server.jsz()["config"]["sync_always"]


@pytest.mark.usefixtures("streams")
async def test_every_stream_of_the_contract_is_there(nats_admin: NatsClient):
    names = (await api(nats_admin, "STREAM.NAMES"))["streams"]
    assert sorted(names) == sorted(STREAMS)


def test_stored_rows_survive_a_kill_of_clickhouse(tables: ClickHouseServer):
    add_trades(tables, "2026-01-01 00:00:00", 100)
    stored = hot(tables)
    tables.kill()
    tables.start()
    assert len(stored) == 100
    assert hot(tables) == stored
