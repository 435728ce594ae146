"""Waiting between attempts and between inserts."""

import itertools

import pytest

from marketprism.storage.flow import delays, until_next_insert


def test_delays_grow_to_a_limit_and_never_end():
    first = list(itertools.islice(delays(), 20))
    assert first[0] <= 0.25
    assert all(3.75 <= delay <= 6.25 for delay in first[6:])


@pytest.mark.parametrize(
    ("batch_seconds", "events", "elapsed", "seconds"),
    [
        pytest.param(0.25, 0, 1.0, 1.0, id="nothing came"),
        pytest.param(0.25, 10, 1.0, 1.0, id="a quiet stream"),
        pytest.param(0.25, 500, 1.0, 0.5, id="500 events a second"),
        pytest.param(0.25, 250, 0.5, 0.5, id="500 events a second, waited for half as long"),
        pytest.param(0.25, 250, 0.25, 0.25, id="a busy stream"),
        pytest.param(0.25, 20_000, 0.25, 0.25, id="a burst"),
        pytest.param(2.0, 10, 2.0, 2.0, id="the operator wants fewer parts"),
    ],
)
def test_few_events_wait_for_more(batch_seconds: float, events: int, elapsed: float, seconds: float):
    assert until_next_insert(batch_seconds, events, elapsed) == seconds
