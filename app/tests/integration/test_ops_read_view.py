"""Hot and cold together show each row once, on either side of the watermark and wherever a row is twice."""

import pytest

from tests.integration.servers import ClickHouseServer
from tests.integration.tiers import add_trades

pytestmark = pytest.mark.integration
VIEW = "SELECT trade_id, price FROM marketprism_hot.trades_all ORDER BY trade_id"


def copy(tables: ClickHouseServer, condition: str) -> None:
    tables.query(f"INSERT INTO marketprism_cold.trades SELECT * FROM marketprism_hot.trades WHERE {condition}")


def mark(tables: ClickHouseServer, watermark: str) -> None:
    tables.query(f"INSERT INTO marketprism_cold.watermarks (table_name, watermark) VALUES ('trades', '{watermark}')")


def expected(*ids: int) -> str:
    return "".join(f"{number}\t{number}.000000000001\n" for number in ids)


def test_without_a_watermark_everything_is_in_the_hot_database(tables: ClickHouseServer):
    add_trades(tables, "2026-01-01 00:00:00", 3)
    assert tables.query(VIEW) == expected(1, 2, 3)


def test_rows_that_are_in_both_show_once_and_dropped_ones_from_the_cold_database(tables: ClickHouseServer):
    """Ten rows a minute apart: the first five are proven and partly dropped, two more are copied and not proven."""
    add_trades(tables, "2026-01-01 00:00:00", 10, per_minute=1, inserted="now64(3) - 7200")
    copy(tables, "trade_id <= 7")
    mark(tables, "2026-01-01 00:05:00")
    tables.query("ALTER TABLE marketprism_hot.trades DELETE WHERE trade_id <= 2 SETTINGS mutations_sync = 2")
    assert tables.query(VIEW) == expected(*range(1, 11))


def test_a_late_row_shows_once_before_and_after_it_is_copied(tables: ClickHouseServer):
    add_trades(tables, "2026-01-01 00:00:00", 4, per_minute=1, inserted="now64(3) - 7200")
    copy(tables, "1")
    mark(tables, "2026-01-01 00:03:00")
    add_trades(tables, "2026-01-01 00:01:30", 1, first=5)
    assert tables.query(VIEW) == expected(1, 2, 3, 4, 5)
    copy(tables, "trade_id = 5")
    assert tables.query(VIEW) == expected(1, 2, 3, 4, 5)


def test_the_view_has_what_the_tables_compute(tables: ClickHouseServer):
    add_trades(tables, "2026-01-01 00:00:00", 1)
    asked = "SELECT event_time, received_at, inserted_at FROM marketprism_hot."
    assert tables.query(f"{asked}trades_all") == tables.query(f"{asked}trades")
