"""One side of a book keeps its levels ordered and exact."""

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketprism.book.levels import MAX_EMPTY, Levels, Side

changes = st.lists(
    st.tuples(st.integers(1, 40).map(lambda n: f"{n / 4:.2f}"), st.sampled_from(["0.00", "0", "1.5", "22"])),
    max_size=80,
)


@given(changes, st.booleans())
def test_a_side_equals_a_plain_dictionary(levels: list[tuple[str, str]], lowest_is_best: bool) -> None:
    side, expected = Side(lowest_is_best=lowest_is_best), dict[float, str]()
    side.apply(levels)
    for price, quantity in levels:
        expected.pop(float(price), None)
        if float(quantity):
            expected[float(price)] = quantity
    ordered = sorted(expected.items(), reverse=not lowest_is_best)
    assert [(float(p), q) for p, q in side.best(100)] == ordered
    assert side.best_price == (int(ordered[0][0] * 100) * 10**16 if ordered else None)


@given(st.lists(changes, max_size=8), st.booleans())
def test_levels_that_are_not_kept_in_order_are_found_when_they_become_the_best(
    messages: list[list[tuple[str, str]]], lowest_is_best: bool
) -> None:
    side, expected = Side(lowest_is_best=lowest_is_best), dict[float, str]()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("marketprism.book.levels.MAX_FRONT", 4)
        patch.setattr("marketprism.book.levels.MAX_EMPTY", 4)
        patch.setattr("marketprism.book.levels.MAX_EMPTY_ABOVE", 1)
        for message in messages:
            side.apply(message)
            expected |= {float(price): quantity for price, quantity in message}
            ordered = sorted((price for price, size in expected.items() if float(size)), reverse=not lowest_is_best)
            assert side.best_price == (int(ordered[0] * 100) * 10**16 if ordered else None)
            assert side.best(10) == [(f"{price:.2f}", expected[price]) for price in ordered[:10]]


def test_a_side_forgets_emptied_levels() -> None:
    side = Side([("7", "2")])
    for price in range(8, 10 * MAX_EMPTY):
        side.apply([(str(price), "1")])
        side.apply([(str(price), "0")])
    assert side.best(9) == [("7", "2")]
    assert sys.getsizeof(side._levels) < 100 * MAX_EMPTY


def test_two_spellings_of_one_price_are_one_level() -> None:
    side = Side([("1.0", "5")])
    side.apply([("1.00", "7"), ("2", "1")])
    assert side.best(10) == [("2", "1"), ("1.00", "7")]
    side.apply([("1.0", "0"), ("2.000", "3")])
    assert side.best(10) == [("2.000", "3")]


def test_a_snapshot_may_carry_empty_levels() -> None:
    assert Side([("1.0", "0.000"), ("2.0", "1")]).best(9) == [("2.0", "1")]


def test_best_bid_and_ask_come_first() -> None:
    levels = Levels([("9", "1"), ("10", "2")], [("12", "3"), ("11", "4")])
    assert levels.top() == (("10", "2"), ("11", "4"))
    assert levels.bids.best(2) == [("10", "2"), ("9", "1")]


def test_a_crossed_book_is_seen() -> None:
    assert Levels([("11", "1")], [("11", "1")]).is_crossed
    assert not Levels([("10", "1")], [("11", "1")]).is_crossed
    assert not Levels([("10", "1")], []).is_crossed


@pytest.mark.parametrize("zero", ["0", "0.0", "0.00000000", "00"])
def test_zero_has_many_spellings(zero: str) -> None:
    side = Side([("1", "0.00000001"), ("2", "10"), ("3", "1")])
    side.apply([("2", zero)])
    assert side.best(9) == [("3", "1"), ("1", "0.00000001")]


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
