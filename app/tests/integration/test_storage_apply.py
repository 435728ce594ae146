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
from tests.integration.tiers import add_trades

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
async def test_dead_letters_that_had_an_age_are_kept_from_now_on(nats_admin: NatsClient):
    config = (await api(nats_admin, "STREAM.INFO.DEAD_LETTERS"))["config"]
    two_days = 48 * 3600 * 10**9
    await api(nats_admin, "STREAM.UPDATE.DEAD_LETTERS", config | {"max_age": two_days})
    assert (await apply_streams())["changed"] == [f"stream DEAD_LETTERS: max_age is {two_days}, wanted 0"]
    assert (await api(nats_admin, "STREAM.INFO.DEAD_LETTERS"))["config"]["max_age"] == 0
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


FIRST_BOOKS = """
CREATE TABLE marketprism_hot.orderbooks
(
    source LowCardinality(String), exchange LowCardinality(String), market LowCardinality(String),
    symbol LowCardinality(String), instrument LowCardinality(String),
    timestamp DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)), receive_delay_us Int64 CODEC(ZSTD(1)),
    update_id UInt64 CODEC(Delta, ZSTD(1)), reason Enum8('interval' = 1, 'resync' = 2),
    price_scale UInt8, quantity_scale UInt8,
    bid_price_integers Array(Int64) CODEC(GCD, Delta, ZSTD(1)), bid_quantity_integers Array(Int64) CODEC(GCD, ZSTD(1)),
    ask_price_integers Array(Int64) CODEC(GCD, Delta, ZSTD(1)), ask_quantity_integers Array(Int64) CODEC(GCD, ZSTD(1)),
    stream_epoch UInt32 CODEC(ZSTD(1)), stream_seq UInt64 CODEC(Delta, ZSTD(1)), item UInt16 CODEC(Delta, ZSTD(1)),
    inserted_at DateTime64(3, 'UTC') DEFAULT now64(3) CODEC(Delta, ZSTD(1)),
    bid_quantities Array(Decimal(38, 18))
        ALIAS arrayMap(x -> toDecimal128(x, 18) / intExp10(quantity_scale), bid_quantity_integers)
)
ENGINE = MergeTree PARTITION BY toDate(timestamp)
ORDER BY (source, exchange, market, symbol, timestamp, update_id)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1
"""
"""As the first release made it: without contract sizes, so that added ones are 0."""
QUANTITIES = "SELECT arrayMap(x -> toString(x), bid_quantities) FROM marketprism_hot.orderbooks"


@pytest.fixture
def first_version(clickhouse_server: ClickHouseServer):
    """The hot database of the first release, with one book of one bid of 1.25."""
    clickhouse_server.query("DROP TABLE marketprism_hot.orderbooks SYNC")
    clickhouse_server.query("DROP TABLE marketprism_hot.schema_versions SYNC")
    clickhouse_server.query(FIRST_BOOKS)
    clickhouse_server.query(
        "INSERT INTO marketprism_hot.orderbooks (source, timestamp, update_id, reason, price_scale, quantity_scale,"
        " bid_price_integers, bid_quantity_integers) VALUES ('simulated', now64(6), 1, 'interval', 2, 3, [100], [1250])"
    )
    yield
    clickhouse_server.query("DROP TABLE marketprism_hot.orderbooks SYNC")
    clickhouse_server.query("DROP TABLE marketprism_hot.schema_versions SYNC")
    run("schema", "apply")


def versions(clickhouse_server: ClickHouseServer) -> str:
    return clickhouse_server.query("SELECT version, title FROM marketprism_hot.schema_versions ORDER BY version")


@pytest.mark.usefixtures("first_version")
def test_the_first_version_is_brought_forward_and_its_books_keep_their_values(clickhouse_server: ClickHouseServer):
    assert clickhouse_server.query(QUANTITIES) == "['1.25']\n"
    pending = "marketprism_hot: migration 2 is pending: books from before there was a contract_size hold base currency"
    assert run("schema", "apply", "--check", code=1)["changed"][-1] == pending
    assert "schema_versions" not in clickhouse_server.query("SHOW TABLES FROM marketprism_hot")
    assert run("schema", "apply")["changed"][-1] == pending
    assert clickhouse_server.query(QUANTITIES) == "['1.25']\n"
    assert versions(clickhouse_server) == "2\tbooks from before there was a contract_size hold base currency\n"
    assert run("schema", "apply") == {"check": False, "changed": [], "refused": []}


@pytest.mark.usefixtures("first_version")
def test_a_migration_that_was_interrupted_before_its_record_is_run_again(clickhouse_server: ClickHouseServer):
    run("schema", "apply")
    clickhouse_server.query("TRUNCATE TABLE marketprism_hot.schema_versions")
    assert len(run("schema", "apply")["changed"]) == 1
    assert clickhouse_server.query(QUANTITIES) == "['1.25']\n"


def test_a_later_version_is_refused(clickhouse_server: ClickHouseServer):
    clickhouse_server.query("INSERT INTO marketprism_cold.schema_versions (version, title) VALUES (99, 'later')")
    try:
        (refused,) = run("schema", "apply", "--check", code=1)["refused"]
        assert refused["what"] == "marketprism_cold has version 99, this release knows 2"
        assert "no way back" in refused["remedy"]
    finally:
        clickhouse_server.query("ALTER TABLE marketprism_cold.schema_versions DELETE WHERE version = 99")


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
    memory = sql("SELECT * FROM system.metrics WHERE metric LIKE '%Memory%'", "--format", "tsv")
    assert "MemoryTracking" in memory, "docs/troubleshooting.md asks for it"


@pytest.mark.parametrize("statement", ["DROP TABLE trades", "INSERT INTO trades (item) VALUES (1)"])
def test_sql_refuses_to_write(tables: ClickHouseServer, statement: str):
    with pytest.raises(QueryRefusedError, match="reads only"):
        sql(statement)
    assert tables.number("SELECT count() FROM marketprism_hot.trades") == 0


def test_a_damaged_part_is_no_fault_of_the_statement(tables: ClickHouseServer):
    add_trades(tables, "2026-01-01 00:00:00", 10)
    place = tables.query(
        "SELECT path FROM system.parts WHERE active AND database = 'marketprism_hot' AND table = 'trades'"
    )
    for marks in Path(place.strip()).glob("data.*mrk*"):
        marks.write_bytes(b"")
    tables.query("SYSTEM DROP MARK CACHE")
    with pytest.raises(QueryRefusedError) as refused:
        sql("SELECT sum(trade_id) FROM trades")
    assert refused.value.code == 246
    assert "systemctl restart clickhouse-server" in refused.value.remedy
