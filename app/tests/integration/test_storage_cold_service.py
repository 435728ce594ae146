"""Cold storage as a process: each row exactly once whatever is killed, on the same or on another server."""

import json
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from marketprism.cli import app
from marketprism.contract.catalog import COLD_DATABASE, HOT_DATABASE
from marketprism.errors import ConfigurationError
from marketprism.lock import only_one
from marketprism.settings import load
from tests.integration.flows import StorageService
from tests.integration.servers import ClickHouseServer, artifact, eventually, fetch
from tests.integration.tiers import add_books, add_trades, cold, fingerprint, hot

pytestmark = pytest.mark.integration
Start = Callable[..., StorageService]


@pytest.fixture
def start(tmp_path: Path, config_file: Path) -> Iterator[Start]:
    """Starts cold storage with short intervals and whatever else is told."""
    made: list[StorageService] = []

    def run(**sections: dict[str, Any]) -> StorageService:
        content = yaml.safe_load(config_file.read_text())
        content["storage"] |= {"cold_enabled": True, "cold_interval_seconds": 0.2, "cold_lag_seconds": 1}
        for name, values in sections.items():
            content[name] = content.get(name, {}) | values
        config_file.write_text(yaml.safe_dump(content))
        service = StorageService(tmp_path, config_file, load(config_file, {}), "cold")
        made.append(service)
        service.start()
        return service

    yield run
    for service in made:
        service.stop()


def equal(hot_server: ClickHouseServer, cold_server: ClickHouseServer) -> Callable[[], bool]:
    return lambda: cold(cold_server) == hot(hot_server)


def test_everything_is_copied_and_the_watermark_says_how_far(tables: ClickHouseServer, start: Start):
    add_trades(tables, "2026-01-01 00:00:00", 1_000)
    add_books(tables, "2026-01-01 00:00:00", 100)
    service = start()
    eventually(equal(tables, tables), 20)
    sql = (
        f"SELECT dateDiff('second', max(watermark), now()) FROM {COLD_DATABASE}.watermarks WHERE table_name = 'trades'"
    )
    eventually(lambda: 0 < tables.number(sql) < 90, 10)
    eventually(lambda: fetch(f"{service.url}/health")[0] == 200, 10)
    assert service.metric("marketprism_storage_cold_copied_rows", table="trades") == 1_000
    assert service.metric("marketprism_storage_cold_copied_rows", table="orderbooks") == 100
    assert 0 < service.metric("marketprism_storage_cold_behind_seconds", table="trades") < 90


def test_a_kill_anywhere_leaves_each_row_exactly_once(tables: ClickHouseServer, start: Start):
    """Killed with rows in flight, again and again; an old day is dropped from the hot database on the way."""
    old, recent = "timestamp < '2026-01-03'", "timestamp >= '2026-01-03'"
    add_trades(tables, "2026-01-01 00:00:00", 1_500_000, per_minute=1_000, inserted="now64(3) - toIntervalDay(8)")
    add_trades(tables, "2026-01-03 00:00:00", 100_000, first=2_000_001)
    before, old_before = fingerprint(tables, HOT_DATABASE), fingerprint(tables, HOT_DATABASE, old)
    service = start()
    service.is_up = lambda: True
    chance = random.Random(5)
    copied = in_flight = 0
    for _ in range(12):
        eventually(lambda seen=copied: seen < copied_rows(tables) or seen == 1_600_000, 20)
        time.sleep(chance.uniform(0.0, 0.2))
        service.kill()
        in_flight += copied < copied_rows(tables) < 1_600_000
        copied = copied_rows(tables)
        service.start()
    assert in_flight >= 3, "idle kills do not count"
    eventually(lambda: tables.number("SELECT count() FROM marketprism_hot.trades") == 100_000, 60)
    eventually(lambda: copied_rows(tables) >= 1_600_000, 20)
    assert fingerprint(tables, COLD_DATABASE) == before
    assert fingerprint(tables, COLD_DATABASE, old) == old_before
    assert fingerprint(tables, HOT_DATABASE) == fingerprint(tables, COLD_DATABASE, recent)


def copied_rows(tables: ClickHouseServer) -> int:
    return tables.number(f"SELECT count() FROM {COLD_DATABASE}.trades")


def test_a_killed_clickhouse_leaves_each_row_exactly_once(tables: ClickHouseServer, start: Start):
    add_trades(tables, "2026-01-01 00:00:00", 300_000, per_minute=4_000)
    service = start()
    chance = random.Random(6)
    for _ in range(3):
        time.sleep(chance.uniform(0.2, 0.8))
        tables.kill()
        tables.start()
    eventually(lambda: tables.number(f"SELECT count() FROM {COLD_DATABASE}.trades") >= 300_000, 60)
    assert cold(tables) == hot(tables)
    assert service.process.poll() is None, "it waits, and never restarts for it"


def test_the_cold_database_may_be_on_another_server(
    tables: ClickHouseServer, start: Start, tmp_path_factory: pytest.TempPathFactory
):
    other = ClickHouseServer(tmp_path_factory.mktemp("other"), artifact("clickhouse_engine"))
    other.start()
    try:
        other.make_tables()
        add_trades(tables, "2026-01-01 00:00:00", 5_000, inserted="now64(3) - toIntervalDay(8)")
        add_books(tables, "2026-01-01 00:00:00", 100)
        everything = hot(tables)
        start(cold={"native_port": other.native_port, "http_port": other.http_port})
        eventually(lambda: len(cold(other)) == len(everything) and len(hot(tables)) == 100, 20)
        assert cold(other) == everything
        assert cold(tables) == []
    finally:
        other.kill()


def test_an_absent_server_is_waited_for(tables: ClickHouseServer, start: Start):
    add_trades(tables, "2026-01-01 00:00:00", 100)
    service = start()
    eventually(equal(tables, tables), 20)
    tables.kill()
    try:
        eventually(lambda: "does not answer" in waits(service), 10)
        assert fetch(f"{service.url}/live")[0] == 200
    finally:
        tables.start()
    eventually(lambda: fetch(f"{service.url}/health")[0] == 200 and "does not answer" not in waits(service), 20)


def waits(service: StorageService) -> str:
    return str(json.loads(fetch(f"{service.url}/health")[1])["details"]["waits"])


def test_old_days_of_the_cold_database_are_dropped(tables: ClickHouseServer, start: Start):
    add_trades(tables, "2026-01-01 00:00:00", 100)
    service = start()
    eventually(equal(tables, tables), 20)
    service.stop()
    tables.query(
        f"ALTER TABLE {COLD_DATABASE}.trades UPDATE inserted_at = inserted_at - 9 * 86400 WHERE 1"
        " SETTINGS mutations_sync = 1"
    )
    tables.query("TRUNCATE TABLE marketprism_hot.trades")
    service = start(storage={"cold_days": 8})
    eventually(lambda: service.metric("marketprism_storage_dropped_days", database=COLD_DATABASE) == 1, 20)
    assert cold(tables) == []


def test_a_second_one_is_refused(tmp_path: Path, start: Start, tables: ClickHouseServer):
    with only_one(tmp_path, "storage-cold"), pytest.raises(AssertionError, match="another storage-cold writer"):
        start()


def test_it_does_not_run_where_it_is_not_enabled(config_file: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MARKETPRISM_CONFIG", str(config_file))
    result = CliRunner().invoke(app, ["storage", "--mode", "cold"])
    assert isinstance(result.exception, ConfigurationError)
    assert "storage.cold_enabled" in str(result.exception)


def test_hot_storage_drops_old_days_itself_where_there_is_no_cold_storage(
    streams: None, tmp_path: Path, config_file: Path, tables: ClickHouseServer
):
    add_trades(tables, "2026-01-01 00:00:00", 100, inserted="now64(3) - toIntervalDay(8)")
    add_trades(tables, "2026-01-02 00:00:00", 100, first=1_001, inserted="now64(3) - toIntervalDay(6)")
    service = StorageService(tmp_path, config_file, load(config_file, {}))
    service.start()
    try:
        eventually(lambda: service.metric("marketprism_storage_dropped_days") == 1, 10)
        assert len(hot(tables)) == 100
    finally:
        service.stop()
