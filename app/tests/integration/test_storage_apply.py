"""``streams apply``, ``schema apply`` and ``sql`` against real servers."""

import asyncio
import json
import time
from pathlib import Path

import pytest
import yaml
from nats.aio.client import Client as NatsClient
from typer.testing import CliRunner

from marketprism.cli import app
from marketprism.clickhouse_http import QueryRefusedError
from marketprism.contract.catalog import STREAMS
from marketprism.errors import UnavailableError
from tests.integration.conftest import api
from tests.integration.servers import ClickHouseServer

pytestmark = pytest.mark.integration


@pytest.fixture(autouse=True)
def configured(config_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MARKETPRISM_CONFIG", str(config_file))


def run(*arguments: str, code: int = 0) -> dict[str, object]:
    result = CliRunner().invoke(app, [*arguments, "--json"])
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


async def test_streams_are_made_once_and_check_changes_nothing(nats_admin: NatsClient):
    for name in STREAMS:
        await api(nats_admin, f"STREAM.DELETE.{name}")
    would = await apply_streams("--check", code=1)
    assert len(would["changed"]) == len(STREAMS) + len([s for s in STREAMS.values() if s.consumer])
    assert (await apply_streams())["changed"] == would["changed"]
    assert await apply_streams() == {"check": False, "changed": [], "refused": []}
    assert await apply_streams("--check") == {"check": True, "changed": [], "refused": []}


async def apply_streams(*arguments: str, code: int = 0) -> dict[str, object]:
    return await asyncio.to_thread(run, "streams", "apply", *arguments, code=code)


@pytest.mark.parametrize("command", [["streams", "apply"], ["schema", "apply"], ["sql", "SELECT 1"]])
def test_an_absent_server_is_told_at_once(config_file: Path, command: list[str]):
    content = yaml.safe_load(config_file.read_text())
    content |= {"nats": {"url": "nats://127.0.0.1:1"}, "clickhouse": {"native_port": 1, "http_port": 1}}
    config_file.write_text(yaml.safe_dump(content))
    started = time.monotonic()
    result = CliRunner().invoke(app, command)
    assert isinstance(result.exception, UnavailableError)
    assert "systemctl status" in result.exception.remedy
    assert time.monotonic() - started < 10


@pytest.mark.usefixtures("streams")
async def test_drift_of_streams_and_consumers_is_corrected(nats_admin: NatsClient):
    config = (await api(nats_admin, "STREAM.INFO.MARKET_DATA"))["config"]
    await api(nats_admin, "STREAM.UPDATE.MARKET_DATA", config | {"discard": "old"})
    consumer = (await api(nats_admin, "CONSUMER.INFO.MARKET_DATA.storage-hot"))["config"] | {"max_deliver": 5}
    body = {"stream_name": "MARKET_DATA", "config": consumer, "action": "update"}
    await api(nats_admin, "CONSUMER.CREATE.MARKET_DATA.storage-hot", body)
    changed = (await apply_streams())["changed"]
    assert changed == [
        "stream MARKET_DATA: discard is old, wanted new",
        "consumer storage-hot of MARKET_DATA: max_deliver is 5, wanted -1",
    ]
    assert (await apply_streams())["changed"] == []


@pytest.mark.usefixtures("streams")
async def test_a_stream_that_cannot_be_changed_is_refused_with_a_remedy(nats_admin: NatsClient):
    config = (await api(nats_admin, "STREAM.INFO.DEAD_LETTERS"))["config"]
    await api(nats_admin, "STREAM.DELETE.DEAD_LETTERS")
    await api(nats_admin, "STREAM.CREATE.DEAD_LETTERS", config | {"storage": "memory"})
    (refused,) = (await apply_streams(code=1))["refused"]
    assert "storage is memory, wanted file" in refused["what"]
    assert "delete it with the nats tool" in refused["remedy"]


def test_a_fresh_schema_has_no_drift(clickhouse_server: ClickHouseServer):
    assert run("schema", "apply", "--check") == {"check": True, "changed": [], "refused": []}


def test_schema_is_made_and_brought_forward(clickhouse_server: ClickHouseServer):
    clickhouse_server.query("DROP TABLE marketprism_cold.orderbooks")
    clickhouse_server.query("ALTER TABLE marketprism_cold.trades DROP COLUMN last_fill_id")
    clickhouse_server.query("ALTER TABLE marketprism_cold.trades MODIFY SETTING fsync_after_insert = 0")
    clickhouse_server.query("ALTER TABLE marketprism_cold.trades MODIFY COLUMN price CODEC(NONE)")
    would = run("schema", "apply", "--check", code=1)["changed"]
    assert len(would) == 4
    assert run("schema", "apply")["changed"] == would
    assert run("schema", "apply")["changed"] == []


def test_a_changed_type_is_refused_with_a_remedy(clickhouse_server: ClickHouseServer):
    clickhouse_server.query("ALTER TABLE marketprism_cold.trades MODIFY COLUMN item UInt32")
    try:
        (refused,) = run("schema", "apply", code=1)["refused"]
        assert refused["what"] == "marketprism_cold.trades.item: type is 'UInt32', the contract says 'UInt16'"
        assert "rename the table" in refused["remedy"]
    finally:
        clickhouse_server.query("DROP TABLE marketprism_cold.trades SYNC")
        run("schema", "apply")


def sql(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["sql", *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_sql_reads_as_the_reader(tables: ClickHouseServer):
    assert sql("SELECT count() AS n FROM trades", "--format", "tsv") == "0\n"
    assert sql("SELECT 1 AS one", "--format", "csv") == '"one"\n1\n'
    assert json.loads(sql("SELECT 'x' AS s", "--format", "json"))["data"] == [{"s": "x"}]
    assert "one" in sql("SELECT 1 AS one")


@pytest.mark.parametrize("statement", ["DROP TABLE trades", "INSERT INTO trades (item) VALUES (1)"])
def test_sql_refuses_to_write(tables: ClickHouseServer, statement: str):
    with pytest.raises(QueryRefusedError, match="reads only"):
        sql(statement)
    assert tables.number("SELECT count() FROM marketprism_hot.trades") == 0
