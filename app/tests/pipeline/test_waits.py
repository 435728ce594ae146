"""A wait ends, whatever is done to the clock."""

import pytest

from marketprism.pipeline.waits import Wait


@pytest.mark.parametrize(("now_ns", "left_ns"), [(100, 10), (109, 1), (110, 0), (3_700, 0), (99, 0), (-3_500, 0)])
def test_a_wait_is_over_after_its_time_and_when_the_clock_was_set_back_before_it(now_ns: int, left_ns: int) -> None:
    assert Wait(100, 10).left_ns(now_ns) == left_ns


def test_a_wait_of_nothing_is_over_from_the_start() -> None:
    assert Wait().left_ns(0) == 0
