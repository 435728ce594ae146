"""``optimize`` against the real server: which days become one part, and that their rows stay what they were."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from marketprism.cli import app
from marketprism.contract.catalog import COLD_DATABASE, HOT_DATABASE
from marketprism.ops import optimize as optimizing
from marketprism.settings import Settings
from tests.integration.servers import ClickHouseServer
from tests.integration.tiers import TRADES, add_trades, fingerprint

pytestmark = pytest.mark.integration

DAY, OTHER_DAY = "20260101", "20260102"
PARTS = 3
NAMES = (f"{HOT_DATABASE}.trades", f"{COLD_DATABASE}.trades")


@pytest.fixture
def parts(tables: ClickHouseServer) -> Iterator[ClickHouseServer]:
    """Tables that the server leaves in as many parts as there were inserts: a merge of its own has no room."""
    for name in NAMES:
        tables.query(f"ALTER TABLE {name} MODIFY SETTING max_bytes_to_merge_at_max_space_in_pool = 1")
    yield tables
    for name in NAMES:
        tables.query(f"ALTER TABLE {name} RESET SETTING max_bytes_to_merge_at_max_space_in_pool")


def insert(server: ClickHouseServer, start: str, times: int) -> None:
    for number in range(times):
        add_trades(server, start, 100, first=1 + number * 100)


def parts_by_day(server: ClickHouseServer, database: str = HOT_DATABASE) -> dict[str, int]:
    rows = server.query(
        "SELECT partition_id, count() FROM system.parts"
        f" WHERE active AND database = '{database}' AND table = 'trades' GROUP BY ALL"
    )
    return {day: int(count) for day, count in (row.split("\t") for row in rows.splitlines())}


def test_a_day_that_is_over_becomes_one_part_with_the_same_rows(
    parts: ClickHouseServer, settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(optimizing, "SETTLED_SECONDS", 0)
    today = parts.query("SELECT formatDateTime(now(), '%Y%m%d', 'UTC')").strip()
    insert(parts, "2026-01-01 00:00:00", PARTS)
    insert(parts, "2026-01-02 00:00:00", 1)
    insert(parts, parts.query("SELECT toStartOfDay(now(), 'UTC')").strip(), PARTS)
    before = fingerprint(parts, HOT_DATABASE)
    (outcome,) = optimizing.optimize(settings)
    assert (outcome.day.name, outcome.day.partition, outcome.day.parts) == (NAMES[0], DAY, PARTS)
    assert outcome.seconds is not None
    assert parts_by_day(parts) == {DAY: 1, OTHER_DAY: 1, today: PARTS}
    assert fingerprint(parts, HOT_DATABASE) == before
    assert list(optimizing.optimize(settings)) == []


def test_the_cold_database_s_days_are_merged_too(
    parts: ClickHouseServer, settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(optimizing, "SETTLED_SECONDS", 0)
    names = ", ".join(column.name for column in TRADES.inserted)
    for first in range(PARTS):
        insert(parts, "2026-01-01 00:00:00", 1)
        parts.query(f"INSERT INTO {NAMES[1]} ({names}) SELECT {names} FROM {NAMES[0]} WHERE trade_id > {first}")
    elsewhere = settings.model_copy(update={"cold": settings.clickhouse})
    assert {outcome.day.name for outcome in optimizing.optimize(elsewhere)} == set(NAMES)
    assert parts_by_day(parts, COLD_DATABASE) == {DAY: 1}


def test_a_day_that_still_gets_rows_is_left_to_the_server(parts: ClickHouseServer, settings: Settings):
    insert(parts, "2026-01-01 00:00:00", PARTS)
    assert list(optimizing.optimize(settings)) == []
    assert parts_by_day(parts) == {DAY: PARTS}


def test_a_day_that_the_disk_would_not_hold_twice_is_left_and_said(
    parts: ClickHouseServer, config_file: Path, monkeypatch: pytest.MonkeyPatch
):
    """Here the reserve is the whole disk."""
    monkeypatch.setenv("MARKETPRISM_CONFIG", str(config_file))
    monkeypatch.setattr(optimizing, "SETTLED_SECONDS", 0)
    monkeypatch.setattr(optimizing, "DISK_FREE_SHARE", 1.0)
    insert(parts, "2026-01-01 00:00:00", PARTS)
    said = CliRunner().invoke(app, ["optimize"]).stdout
    assert re.fullmatch(
        r"left marketprism_hot.trades of 20260101: 3 parts, 0.0 MB; the disk lacks [0-9,.]+ MB for it\n"
        r"days that were in several parts: 1\n",
        said,
    )
    assert parts_by_day(parts) == {DAY: PARTS}


def test_a_merged_part_is_synced_before_the_server_removes_those_it_was_made_of(
    parts: ClickHouseServer, settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(optimizing, "SETTLED_SECONDS", 0)
    insert(parts, "2026-01-01 00:00:00", PARTS)
    synced = "SELECT sum(value) FROM system.events WHERE event = 'FileSync'"
    before = parts.number(synced)
    (outcome,) = optimizing.optimize(settings)
    assert outcome.seconds is not None
    assert parts.number(synced) > before
