"""One side of a book keeps its levels ordered and exact."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketprism.book.levels import Levels, Side, is_zero

changes = st.lists(
    st.tuples(st.integers(1, 40).map(lambda n: f"{n / 4:.2f}"), st.sampled_from(["0.00", "0", "1.5", "22"])),
    max_size=80,
)


@given(changes)
def test_a_side_equals_a_plain_dictionary(levels: list[tuple[str, str]]) -> None:
    side, expected = Side(), dict[float, str]()
    side.apply(levels)
    for price, quantity in levels:
        expected.pop(float(price), None)
        if float(quantity):
            expected[float(price)] = quantity
    assert [(float(p), q) for p, q in side.lowest(100)] == sorted(expected.items())
    assert side.highest(100) == side.lowest(100)[::-1]
    assert len(side) == len(expected)


def test_two_spellings_of_one_price_are_one_level() -> None:
    side = Side([("1.0", "5")])
    side.apply([("1.00", "7")])
    assert side.lowest(10) == [("1.00", "7")]


def test_a_snapshot_may_carry_empty_levels() -> None:
    assert len(Side([("1.0", "0.000"), ("2.0", "1")])) == 1


def test_best_bid_and_ask_come_first() -> None:
    levels = Levels([("9", "1"), ("10", "2")], [("12", "3"), ("11", "4")])
    assert levels.top() == (("10", "2"), ("11", "4"))
    assert levels.bids.highest(2) == [("10", "2"), ("9", "1")]


def test_a_crossed_book_is_seen() -> None:
    assert Levels([("11", "1")], [("11", "1")]).is_crossed
    assert not Levels([("10", "1")], [("11", "1")]).is_crossed
    assert not Levels([("10", "1")], []).is_crossed


def test_zero_has_many_spellings() -> None:
    assert all(is_zero(text) for text in ("0", "0.0", "0.00000000", "00"))
    assert not any(is_zero(text) for text in ("0.00000001", "10", "1"))


@pytest.mark.parametrize(
    ("bids", "asks", "checksum"),
    [
        ([("3366.1", "7"), ("3366", "6")], [("3366.8", "9"), ("3368", "8")], -1881014294),
        ([("3366.1", "7")], [("3366.8", "9"), ("3368", "8"), ("3372", "8")], 831078360),
    ],
)
def test_the_checksum_is_that_of_the_exchanges_own_text(
    bids: list[tuple[str, str]], asks: list[tuple[str, str]], checksum: int
) -> None:
    assert Levels(bids, asks).checksum() == checksum
