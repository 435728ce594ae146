"""Missing ids against the ledger."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketprism.ops.holes import Entry, Hole, Verdict, judge_changes, judge_trades, subtract


@pytest.mark.parametrize(
    ("present", "rest"),
    [
        ([], [Hole(10, 20)]),
        ([(11, 19)], []),
        ([(11, 12), (18, 19)], [Hole(12, 18)]),
        ([(15, 15), (13, 14)], [Hole(10, 13), Hole(15, 20)]),
        ([(1, 11), (19, 40)], [Hole(11, 19)]),
        ([(12, 17), (13, 14)], [Hole(10, 12), Hole(17, 20)]),
        ([(1, 5), (25, 30)], [Hole(10, 20)]),
    ],
)
def test_what_is_there_is_taken_out_of_a_hole(present: list[tuple[int, int]], rest: list[Hole]) -> None:
    assert subtract(Hole(10, 20), present) == rest


ranges = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 5)).map(lambda r: (r[0], r[0] + r[1])))


@given(ranges)
def test_what_is_left_of_a_hole_is_every_id_that_is_not_there(present: list[tuple[int, int]]) -> None:
    left = {i for hole in subtract(Hole(5, 25), present) for i in range(hole.after_id + 1, hole.before_id)}
    assert left == set(range(6, 25)) - {i for first, last in present for i in range(first, last + 1)}


@pytest.mark.parametrize(
    ("ledger", "verdict", "unexplained"),
    [
        ([], Verdict(9, 0, 0), 9),
        ([Entry(Hole(10, 20), is_open=True)], Verdict(9, 9, 0), 0),
        ([Entry(Hole(10, 20), is_open=False)], Verdict(9, 0, 9), 0),
        ([Entry(Hole(8, 15), is_open=True)], Verdict(9, 4, 0), 5),
        ([Entry(Hole(10, 15), is_open=True), Entry(Hole(14, 18), is_open=False)], Verdict(9, 4, 3), 2),
        ([Entry(Hole(30, 40), is_open=True)], Verdict(9, 0, 0), 9),
    ],
    ids=["silent", "open", "healed", "in part", "open and healed", "of others"],
)
def test_the_ledger_explains_or_contradicts_missing_trades(
    ledger: list[Entry], verdict: Verdict, unexplained: int
) -> None:
    found = judge_trades([Hole(10, 20)], ledger)
    assert (found, found.unexplained) == (verdict, unexplained)


@pytest.mark.parametrize(
    ("ledger", "restarts", "explained"),
    [
        ([], [], 0),
        ([Entry(Hole(10, 12), is_open=False)], [], 9),
        ([], [25], 9),
        ([], [60], 4),
        ([], [9, 44], 0),
        ([], [30, 50], 13),
    ],
    ids=["silent", "told", "restarted", "restarted later on", "restarted before and within", "each"],
)
def test_a_book_that_started_anew_explains_missing_changes(
    ledger: list[Entry], restarts: list[int], explained: int
) -> None:
    assert judge_changes([Hole(10, 20), Hole(40, 45)], ledger, restarts) == Verdict(13, explained)
