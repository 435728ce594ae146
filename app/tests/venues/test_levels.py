"""Levels are unsigned decimal numbers that a number column holds exactly, or the message is refused."""

import pytest

from marketprism.venues.levels import are_numbers


@pytest.mark.parametrize(
    ("bids", "asks"),
    [
        ([], []),
        ([("0.0024", "10")], []),
        ([("63913.40", "0")], [("63913.5", "0.000000000001"), ("64000", "1000000000000.5")]),
    ],
)
def test_decimal_numbers_are_levels(bids: list[tuple[str, str]], asks: list[tuple[str, str]]) -> None:
    assert are_numbers(bids, asks)


@pytest.mark.parametrize("text", ["", "NaN", "-1", "1e5", "1.", ".5", "1:1;1", "1;", "٣", "0." + "1" * 19, "1\n"])
def test_anything_else_is_not(text: str) -> None:
    assert not are_numbers([(text, "1")], [])
    assert not are_numbers([], [("1", text)])
