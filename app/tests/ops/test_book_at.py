"""What proves a book, and what does not."""

from dataclasses import replace

import pytest

from marketprism.contract.catalog import HOT_DATABASE
from marketprism.contract.instruments import Exchange, Market, Source
from marketprism.ops.book_at import Evidence, UnprovenBookError, Wanted, levels_sql, require_proof

SECOND_US = 1_000_000
NOON_US = 1_767_268_800_000_000
WANTED = Wanted(
    database=HOT_DATABASE,
    source=Source.LIVE,
    exchange=Exchange.BINANCE,
    market=Market.SPOT,
    symbol="BTC-USDT",
    time_us=NOON_US + 500_000,
    depth=20,
)
SOUND = Evidence(
    snapshot_id=100,
    snapshot_us=NOON_US,
    changes=3,
    collected=4,
    last_id=110,
    last_us=NOON_US + 400_000,
    lost_after=0,
    restarts=0,
    hole_after=0,
    next_id=120,
    next_reason="interval",
    next_reached=1,
)
NO_CHANGES = replace(SOUND, changes=0, collected=0, last_id=100, last_us=NOON_US, next_reached=0)
NEWEST = {"next_id": 0, "next_reason": "", "next_reached": 0}


@pytest.mark.parametrize(
    "evidence",
    [
        SOUND,
        replace(SOUND, changes=0, last_id=100, last_us=NOON_US),
        replace(SOUND, next_id=110, next_reached=0),
        replace(SOUND, hole_after=111),
        replace(SOUND, lost_after=111),
        replace(SOUND, **NEWEST),
        replace(SOUND, changes=0, collected=1, last_id=100, last_us=NOON_US, **NEWEST),
        replace(NO_CHANGES, next_id=100),
    ],
    ids=[
        "changes",
        "a quiet book",
        "the next snapshot is of the same book",
        "a hole later on",
        "a change that was lost later on",
        "the newest book",
        "the newest book, quiet",
        "nothing to collect",
    ],
)
def test_a_snapshot_and_all_changes_after_it_prove_a_book(evidence: Evidence) -> None:
    require_proof(WANTED, evidence)


@pytest.mark.parametrize(
    ("evidence", "why"),
    [
        (replace(SOUND, snapshot_us=0), "no snapshot at or before it"),
        (replace(SOUND, lost_after=104), "changes after update id 104 are missing"),
        (replace(SOUND, lost_after=110), "changes after update id 110 are missing"),
        (replace(SOUND, next_reached=0), "no stored change leads to the next snapshot, of update id 120"),
        (replace(SOUND, restarts=1), "update ids started anew"),
        (replace(SOUND, hole_after=105), "the ledger has a hole after update id 105"),
        (replace(SOUND, hole_after=110), "the ledger has a hole after update id 110"),
        (replace(SOUND, next_reason="resync"), "a book that had started anew"),
    ],
)
def test_a_book_that_may_have_been_another_is_refused(evidence: Evidence, why: str) -> None:
    with pytest.raises(UnprovenBookError, match=f"live binance.spot.BTC-USDT .*: .*{why}.*; choose a time after"):
        require_proof(WANTED, evidence)


@pytest.mark.parametrize(
    "evidence", [NO_CHANGES, replace(NO_CHANGES, **NEWEST)], ids=["an old book", "the newest book"]
)
def test_a_snapshot_alone_does_not_prove_what_came_after_it(evidence: Evidence) -> None:
    """Where changes are not collected, an old book would be shown as that of the moment."""
    with pytest.raises(
        UnprovenBookError,
        match=r"no change of it is stored since.*; collect 'orderbook_delta', or take .* 2026-01-01T12:00:00\+00:00$",
    ):
        require_proof(WANTED, evidence)
    require_proof(replace(WANTED, time_us=NOON_US), evidence)


@pytest.mark.parametrize("end", [{"hole_after": 110}, {"lost_after": 110}, {"next_reached": 0}])
def test_the_last_moment_before_a_hole_is_known(end: dict[str, int]) -> None:
    require_proof(replace(WANTED, time_us=SOUND.last_us), replace(SOUND, **end))


def test_a_snapshot_proves_its_own_moment_whatever_follows() -> None:
    require_proof(replace(WANTED, time_us=NOON_US), replace(SOUND, hole_after=100, next_reason="resync"))


def test_long_after_the_newest_row_nothing_is_known() -> None:
    latest = SOUND.last_us + 20 * SECOND_US
    require_proof(replace(WANTED, time_us=latest), replace(SOUND, **NEWEST))
    with pytest.raises(UnprovenBookError, match="nothing is stored after update id 110"):
        require_proof(replace(WANTED, time_us=latest + 1), replace(SOUND, **NEWEST))
    require_proof(replace(WANTED, time_us=latest + 1), SOUND)


def test_a_symbol_cannot_end_its_literal() -> None:
    assert "symbol = 'A\\'\\\\B-USDT'" in levels_sql(replace(WANTED, symbol="A'\\B-USDT"))
