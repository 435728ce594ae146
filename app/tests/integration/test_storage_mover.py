"""The mover against the real engine: what is in cold equals what was in hot, and nothing goes before it is proven."""

import shutil

import pytest

from marketprism.clickhouse_http import ClickHouseHttp, QueryRefusedError
from marketprism.contract.catalog import COLD_DATABASE, HOT_DATABASE
from marketprism.contract.tables import TABLES
from marketprism.settings import Settings
from marketprism.storage import mover as mover_module
from marketprism.storage.mover import Mover
from marketprism.storage.retention import drop_old
from marketprism.storage.tier import DAY, Tier
from tests.integration.servers import ClickHouseServer
from tests.integration.tiers import BOOKS, TRADES, add_books, add_to_every_table, add_trades, cold, hot

pytestmark = pytest.mark.integration
LAG = 60.0


@pytest.fixture
def tiers(settings: Settings, tables: ClickHouseServer) -> tuple[Tier, Tier]:
    """Both databases, with the rights of the mover."""
    clickhouse = ClickHouseHttp(settings, "mover")
    return Tier(clickhouse, HOT_DATABASE), Tier(clickhouse, COLD_DATABASE)


@pytest.fixture
def mover(tiers: tuple[Tier, Tier]) -> Mover:
    return Mover(*tiers, step=lambda: None)


def copy_all(mover: Mover) -> bool:
    results = [mover.copy_all(table, LAG) for table in TABLES.values()]
    return all(results)


def test_every_row_of_every_table_is_copied_with_every_digit(mover: Mover, tables: ClickHouseServer):
    add_trades(tables, "2026-01-01 23:50:00", 2_000)
    add_books(tables, "2026-01-02 00:00:00", 150)
    assert copy_all(mover)
    assert len(hot(tables)) == 2_150
    assert cold(tables) == hot(tables)
    assert mover.tables["trades"].rows == 2_000
    assert mover.tables["orderbooks"].rows == 150


def test_no_table_of_the_contract_is_left_out(mover: Mover, tables: ClickHouseServer):
    add_to_every_table(tables, "2026-01-01 00:00:30", 100)
    tables.query("INSERT INTO marketprism_cold.trades SELECT * FROM marketprism_hot.trades WHERE stream_seq < 50")
    assert copy_all(mover)
    assert len(cold(tables)) == 100 * len(TABLES)
    assert cold(tables) == hot(tables)


def test_a_second_round_copies_nothing(mover: Mover, tiers: tuple[Tier, Tier], tables: ClickHouseServer):
    add_trades(tables, "2026-01-01 00:00:00", 1_000)
    assert copy_all(mover)
    again = Mover(*tiers, step=lambda: None)
    assert copy_all(again)
    assert again.tables["trades"].rows == 0
    assert cold(tables) == hot(tables)


def test_large_spans_are_copied_in_pieces(mover: Mover, tables: ClickHouseServer, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(mover_module, "_COPY_ROWS", 250)
    add_trades(tables, "2026-01-01 00:00:00", 2_000)
    assert copy_all(mover)
    assert cold(tables) == hot(tables)


def test_rows_of_an_open_window_stay_until_it_is_closed(mover: Mover, tables: ClickHouseServer):
    now = tables.number("SELECT toUnixTimestamp(now())")
    start = tables.query(f"SELECT toDateTime({now - 600}, 'UTC')").strip()
    add_trades(tables, start, 600, per_minute=60)
    assert copy_all(mover)
    copied_until = mover.tables["trades"].copied_until
    lateness = 600
    assert now - LAG - lateness - 60 < copied_until <= now - LAG - lateness + 5, "the lag exceeds the latest row seen"
    assert cold(tables) == hot(tables, f"timestamp < toDateTime({copied_until})")


def test_the_tail_is_copied_from_the_watermark_on(mover: Mover, tables: ClickHouseServer):
    now = tables.number("SELECT toUnixTimestamp(now())")
    mover.tables["trades"].copied_until = (now - 3600) // 60 * 60
    start = tables.query(f"SELECT toDateTime({now - 1800}, 'UTC')").strip()
    add_trades(tables, start, 1_000)
    assert mover.copy_tail(TRADES, LAG)
    assert cold(tables) == hot(tables)
    assert now - LAG - 60 <= mover.tables["trades"].copied_until <= now - LAG + 5


def test_rows_that_come_late_are_noticed_and_copied(mover: Mover, tables: ClickHouseServer):
    add_trades(tables, "2026-01-01 00:00:00", 500)
    assert copy_all(mover)
    add_trades(tables, "2026-01-01 00:02:30", 200, first=10_001)
    add_trades(tables, "2026-01-03 00:00:00", 50, first=20_001)
    assert copy_all(mover)
    assert cold(tables) == hot(tables)
    assert len(cold(tables)) == 750
    assert mover.tables["trades"].late_rows == 200


@pytest.mark.parametrize("part", ["trade_id % 3 = 0", "trade_id <= 730", "timestamp >= '2026-01-01 00:05:00'"])
def test_a_copy_that_was_interrupted_is_completed(part: str, mover: Mover, tables: ClickHouseServer):
    """A killed copy leaves some of its rows behind; the rest is found row by row."""
    add_trades(tables, "2026-01-01 00:00:00", 1_000)
    names = ", ".join(column.name for column in TRADES.inserted)
    tables.query(f"INSERT INTO {COLD_DATABASE}.trades ({names}) SELECT {names} FROM {HOT_DATABASE}.trades WHERE {part}")
    assert copy_all(mover)
    assert cold(tables) == hot(tables)


def test_a_part_that_the_cold_database_has_lost_is_copied_again(
    mover: Mover, tiers: tuple[Tier, Tier], tables: ClickHouseServer
):
    """The server remembers the blocks that it took, the lost ones too; the copy is the same block."""
    add_trades(tables, "2026-01-01 00:00:00", 1_000)
    assert copy_all(mover)
    where = f"database = '{COLD_DATABASE}' AND table = 'trades' AND active"
    (part,) = tables.query(f"SELECT path FROM system.parts WHERE {where}").split()
    tables.query(f"DETACH TABLE {COLD_DATABASE}.trades SYNC")
    shutil.rmtree(part)
    tables.query(f"ATTACH TABLE {COLD_DATABASE}.trades")
    assert cold(tables) == []
    assert copy_all(Mover(*tiers, step=lambda: None))
    assert cold(tables) == hot(tables)


def test_a_proven_day_whose_newest_insert_is_old_goes_as_a_whole(mover: Mover, tables: ClickHouseServer):
    add_trades(tables, "2026-01-01 00:00:00", 1_000, inserted="now64(3) - toIntervalDay(8)")
    add_trades(tables, "2026-01-02 00:00:00", 1_000, first=5_001, inserted="now64(3) - toIntervalDay(6)")
    everything = hot(tables)
    assert mover.drop_proven(TRADES, 7) == 1
    assert hot(tables) == [row for row in everything if "2026-01-02" in row]
    assert cold(tables) == [row for row in everything if "2026-01-01" in row], "it was copied before it went"


def test_history_that_was_replayed_lately_stays(mover: Mover, tables: ClickHouseServer):
    add_trades(tables, "2021-01-01 00:00:00", 100)
    everything = hot(tables)
    assert mover.drop_proven(TRADES, 7) == 0
    assert hot(tables) == everything


def test_a_day_that_differs_in_the_cold_database_stays(mover: Mover, tables: ClickHouseServer):
    add_trades(tables, "2026-01-01 00:00:00", 1_000, inserted="now64(3) - toIntervalDay(8)")
    everything = hot(tables)
    assert copy_all(mover)
    tables.query(
        f"ALTER TABLE {COLD_DATABASE}.trades UPDATE quantity = 1 WHERE trade_id = 77 SETTINGS mutations_sync = 1"
    )
    assert mover.drop_proven(TRADES, 7) == 0
    assert list(mover.tables["trades"].different.values()) == [1]
    assert hot(tables) == everything
    add_trades(tables, "2026-01-02 00:00:00", 10, first=2_001)
    copy_all(mover)
    assert list(mover.tables["trades"].different.values()) == [1], "what is copied elsewhere does not hide it"


def test_a_row_that_is_there_twice_is_noticed(mover: Mover, tables: ClickHouseServer):
    add_trades(tables, "2026-01-01 00:00:00", 1_000, inserted="now64(3) - toIntervalDay(8)")
    assert copy_all(mover)
    names = ", ".join(column.name for column in TRADES.inserted)
    tables.query(
        f"INSERT INTO {COLD_DATABASE}.trades ({names}) SELECT {names} FROM {HOT_DATABASE}.trades WHERE trade_id = 77"
    )
    assert mover.drop_proven(TRADES, 7) == 0
    assert list(mover.tables["trades"].different.values()) == [1]


def test_rows_that_come_between_the_proof_and_the_drop_stay(tiers: tuple[Tier, Tier], tables: ClickHouseServer):
    add_trades(tables, "2026-01-01 00:00:00", 100)
    (day,) = tiers[0].days(TRADES)
    add_trades(tables, "2026-01-01 12:00:00", 10, first=1_001)
    came = hot(tables, "timestamp >= '2026-01-01 12:00:00'")
    assert tiers[0].drop(TRADES, day)
    assert hot(tables) == came


def test_parts_that_were_merged_meanwhile_are_looked_at_again(tiers: tuple[Tier, Tier], tables: ClickHouseServer):
    add_trades(tables, "2026-01-01 00:00:00", 100)
    (day,) = tiers[0].days(TRADES)
    add_trades(tables, "2026-01-01 12:00:00", 10, first=1_001)
    everything = hot(tables)
    tables.query(f"OPTIMIZE TABLE {HOT_DATABASE}.trades PARTITION ID '{day.id}' FINAL")
    assert not tiers[0].drop(TRADES, day)
    assert hot(tables) == everything


def test_a_day_that_comes_again_after_it_was_dropped_is_added_and_never_doubled(mover: Mover, tables: ClickHouseServer):
    """A backfill brings new events, and some that are in the cold database from another place in the stream."""
    old = "now64(3) - toIntervalDay(8)"
    add_trades(tables, "2026-01-01 00:00:00", 1_000, inserted=old)
    assert mover.drop_proven(TRADES, 7) == 1
    copied = cold(tables)
    add_trades(tables, "2026-01-01 00:00:00", 300, inserted=old)
    tables.query(
        f"ALTER TABLE {HOT_DATABASE}.trades UPDATE stream_seq = stream_seq + 50000 WHERE 1 SETTINGS mutations_sync = 1"
    )
    add_trades(tables, "2026-01-01 00:00:30", 20, first=9_001, inserted=old)
    new = hot(tables, "stream_seq BETWEEN 9001 AND 9020")
    assert copy_all(mover)
    assert (len(copied), len(new)) == (1_000, 20)
    assert sorted(cold(tables)) == sorted(copied + new)
    assert mover.drop_proven(TRADES, 7) == 1
    assert hot(tables) == []


def test_old_days_go_by_age_alone_where_they_are_not_copied(tiers: tuple[Tier, Tier], tables: ClickHouseServer):
    add_books(tables, "2026-01-01 00:00:00", 10, inserted="now64(3) - toIntervalDay(8)")
    add_books(tables, "2026-01-02 00:00:00", 10, inserted="now64(3) - toIntervalDay(6)")
    everything = hot(tables)
    assert drop_old(tiers[0], BOOKS, 7) == 1
    assert hot(tables) == [row for row in everything if "2026-01-02" in row]


def test_the_tail_of_a_long_outage_is_copied(mover: Mover, tables: ClickHouseServer):
    now = tables.number("SELECT toUnixTimestamp(now())")
    mover.tables["trades"].copied_until = (now - 3 * DAY) // 60 * 60
    start = tables.query(f"SELECT toDateTime({now - 2 * DAY - 3600}, 'UTC')").strip()
    add_trades(tables, start, 3_000, per_minute=1)
    assert mover.copy_tail(TRADES, LAG)
    assert cold(tables) == hot(tables, f"timestamp < toDateTime({mover.tables['trades'].copied_until})")
    assert len(cold(tables)) > 2_900


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO marketprism_hot.trades (item) VALUES (1)",
        "DROP TABLE marketprism_cold.trades",
        "TRUNCATE TABLE marketprism_hot.trades",
    ],
)
def test_the_mover_may_do_no_more_than_it_needs(settings: Settings, tables: ClickHouseServer, statement: str):
    with pytest.raises(QueryRefusedError, match="Not enough privileges"):
        ClickHouseHttp(settings, "mover").execute(statement)
