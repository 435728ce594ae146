"""Waiting between attempts."""

import itertools

from marketprism.storage.flow import delays


def test_delays_grow_to_a_limit_and_never_end():
    first = list(itertools.islice(delays(), 20))
    assert first[0] <= 0.25
    assert all(3.75 <= delay <= 6.25 for delay in first[6:])
