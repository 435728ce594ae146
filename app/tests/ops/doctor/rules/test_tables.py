"""What is missing at the end of the chain, and what ClickHouse refuses."""

from dataclasses import replace

from marketprism.ops.doctor.catalogue import Severity
from marketprism.ops.doctor.evidence import Evidence
from marketprism.ops.doctor.rules.tables import (
    clickhouse_readonly,
    freshness,
    schema_drift,
    sequence_gaps,
    stale_feeds,
    too_many_parts,
)
from tests.ops.doctor import faults
from tests.ops.doctor.faults import COLLECTOR, NOW, healthy


def problems(evidence: Evidence) -> list[str]:
    return [finding.problem for finding in freshness(evidence)]


def test_one_stale_feed_is_told_with_age_limit_and_what_the_collector_saw() -> None:
    (finding,) = freshness(faults.stale(healthy(), "okx-spot", types=("trade",)))
    assert finding.evidence == (
        "okx-spot trade BTC-USDT: newest row is 300 s old, limit 45 s",
        "the collector saw okx-spot trade BTC-USDT 0 s ago",
    )
    assert (finding.venues, finding.weight) == ({"okx-spot"}, Severity.DEGRADED)


def test_everything_stale_is_broken() -> None:
    (finding,) = freshness(faults.stale(healthy()))
    assert finding.weight is Severity.BROKEN


def test_no_books_beside_fresh_trades_are_a_problem_of_their_own() -> None:
    (finding,) = freshness(faults.books_empty(healthy()))
    assert finding.problem == "orderbooks-empty"
    assert "the collector's books of okx-spot: BTC-USDT buffering" in finding.evidence


def test_books_that_are_late_before_the_trades_may_be_are_no_problem_of_books() -> None:
    tables = healthy().tables
    assert tables is not None
    feeds = tuple(replace(feed, age=30.0) for feed in tables.feeds)  # books may be 20 s old, trades 45
    assert problems(replace(healthy(), tables=replace(tables, feeds=feeds))) == ["stale-data"]


def test_the_books_of_one_venue_are_stale_data() -> None:
    assert problems(faults.stale(healthy(), "okx-spot", types=("orderbook",))) == ["stale-data"]


def test_empty_tables_are_no_data() -> None:
    assert problems(faults.no_data(healthy())) == ["no-data"]


def test_a_collector_that_just_started_has_time_to_collect() -> None:
    young = faults.unit(faults.stale(healthy()), COLLECTOR, since=NOW - 30)
    assert {feed.data_type for feed in stale_feeds(young)} == {"orderbook"}  # 20 s have passed, 45 have not


def test_a_feed_that_rests_at_the_exchange_is_not_stale() -> None:
    paused = {"trade": {"BTC-USDT": "paused"}, "orderbook": {"BTC-USDT": "paused"}}
    assert problems(faults.venue(faults.stale(healthy(), "okx-spot"), "okx-spot", feeds=paused)) == []


def test_read_only_is_told_by_refused_inserts_or_by_the_disk() -> None:
    (finding,) = clickhouse_readonly(faults.readonly(healthy()))
    assert "error 164" in finding.evidence[0]
    mounted = tuple(replace(disk, read_only="clickhouse" in disk.path) for disk in healthy().disks)
    (finding,) = clickhouse_readonly(replace(healthy(), disks=mounted))
    assert finding.evidence == ("/var/lib/clickhouse is mounted read-only",)


def test_many_parts_explain_nothing_until_an_insert_is_refused() -> None:
    (finding,) = too_many_parts(faults.parts(healthy()))
    assert finding.evidence == ("marketprism_hot.trades 2026-11-24 has 900 parts, 0 merges run",)
    assert finding.explains == frozenset()
    (finding,) = too_many_parts(
        faults.waits(faults.parts(healthy()), "ClickHouse answers with error 252: Too many parts")
    )
    assert "consumer-stuck" in finding.explains


def test_only_a_missing_table_or_column_keeps_rows_out() -> None:
    (finding,) = schema_drift(replace(healthy(), schema_drift=("marketprism_hot.trades: setting x is 1, wanted 2",)))
    assert finding.explains == frozenset()
    (finding,) = schema_drift(replace(healthy(), schema_drift=("marketprism_hot.trades: column price is missing",)))
    assert "stale-data" in finding.explains


def test_long_lists_are_cut_with_their_number() -> None:
    tables = healthy().tables
    assert tables is not None
    gaps = tuple(f"hole {number}" for number in range(8))
    (finding,) = sequence_gaps(replace(healthy(), tables=replace(tables, open_gaps=gaps)))
    assert finding.evidence[-2:] == ("hole 4", "and 3 more")
