"""How minutes are put together for copying."""

from marketprism.storage.mover import _COPY_ROWS, _joined, _runs
from marketprism.storage.tier import DAY, MINUTE, Span


def at(*minutes: int) -> list[int]:
    return [minute * MINUTE for minute in minutes]


def span(first: int, last: int) -> Span:
    return Span(first * MINUTE, (last + 1) * MINUTE)


def test_neighbouring_minutes_are_joined():
    assert _joined(at(1, 2, 3, 7, 9, 10)) == [span(1, 3), span(7, 7), span(9, 10)]


def test_days_are_not_joined():
    midnight = DAY // MINUTE
    assert _joined(at(midnight - 1, midnight)) == [span(midnight - 1, midnight - 1), span(midnight, midnight)]


def test_a_run_takes_as_many_minutes_as_fit():
    half = _COPY_ROWS // 2
    rows = dict(zip(at(1, 2, 5, 6), [half, half, 1, 2 * _COPY_ROWS], strict=True))
    assert _runs(rows, present=set()) == [span(1, 2), span(5, 5), span(6, 6)]


def test_a_run_never_reaches_over_a_minute_that_is_there():
    rows = dict.fromkeys(at(1, 2, 4), 1)
    assert _runs(rows, present=set(at(3))) == [span(1, 2), span(4, 4)]
    assert _runs(dict.fromkeys(at(1, 2, 3), 1), present=set(at(2))) == [span(1, 1), span(3, 3)]
