"""Times and durations of the command line."""

import pytest

from marketprism.cli.moments import moment, utc
from marketprism.errors import ConfigurationError

NOON_US = 1_767_268_800_000_000


@pytest.mark.parametrize(
    ("text", "time_us"),
    [
        ("2026-01-01T12:00:00", NOON_US),
        ("2026-01-01 12:00", NOON_US),
        ("2026-01-01T12:00:00.000001Z", NOON_US + 1),
        ("2026-01-01T13:00:00+01:00", NOON_US),
        ("90s", NOON_US - 90_000_000),
        ("5m", NOON_US - 300_000_000),
        ("6h", NOON_US - 21_600_000_000),
        ("2d", NOON_US - 172_800_000_000),
    ],
)
def test_times_are_utc_and_durations_lie_before_now(text: str, time_us: int) -> None:
    assert moment("--since", text, NOON_US) == time_us


@pytest.mark.parametrize("text", ["", "yesterday", "-5m", "5", "5w", "2026-13-01"])
def test_anything_else_is_refused_with_examples(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"--since '.*' is no time; write a time such as 2026-01-01T12:00:00"):
        moment("--since", text, NOON_US)


def test_a_time_is_written_as_it_is_read() -> None:
    assert utc(NOON_US + 500_000) == "2026-01-01T12:00:00.500000Z"
    assert moment("TIME", utc(NOON_US + 1), 0) == NOON_US + 1
