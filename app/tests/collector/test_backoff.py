from hypothesis import given
from hypothesis import strategies as st

from marketprism.collector.backoff import Backoff


def test_the_bound_doubles_up_to_the_cap() -> None:
    backoff = Backoff(first=1.0, cap=5.0)
    assert [backoff.next(1.0) for _ in range(5)] == [1.0, 2.0, 4.0, 5.0, 5.0]


def test_jitter_spreads_over_the_whole_bound() -> None:
    assert [Backoff(first=4.0).next(roll) for roll in (0.25, 0.5, 1.0)] == [1.0, 2.0, 4.0]


def test_a_success_starts_over() -> None:
    backoff = Backoff(first=1.0)
    backoff.next(1.0)
    backoff.next(1.0)
    backoff.reset()
    assert backoff.next(1.0) == 1.0


@given(attempts=st.integers(0, 10_000), roll=st.floats(0, 1))
def test_no_wait_is_ever_outside_floor_and_cap(attempts: int, roll: float) -> None:
    backoff = Backoff(attempts=attempts)
    assert backoff.floor <= backoff.next(roll) <= backoff.cap
