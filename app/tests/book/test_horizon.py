"""What an image of the best levels tells, and what it does not."""

import pytest

from marketprism.book.horizon import Horizon
from marketprism.contract.books import BookImage
from marketprism.contract.instruments import Exchange, Instrument, Market

BTC = Instrument(exchange=Exchange.BINANCE, market=Market.SPOT, symbol="BTC-USDT", name="BTCUSDT")
BIDS, ASKS = [("100", "1"), ("99", "1"), ("90", "1")], [("101", "1"), ("102", "1"), ("111", "1")]


def horizon(limit: int | None) -> Horizon:
    return Horizon(BookImage(BTC, 1, 0, BIDS, ASKS, limit=limit))


@pytest.mark.parametrize(
    ("bids", "asks", "once", "twice"),
    [
        (["100", "95"], ["101", "106"], True, True),
        (["100", "94"], ["101", "106"], True, False),
        (["100", "95"], ["101", "107"], True, False),
        (["91", "90"], ["101"], True, False),
        (["91", "89.9"], ["101"], False, False),
        (["100"], ["110", "111.1"], False, False),
        ([], [], True, True),
    ],
)
def test_levels_beyond_the_last_of_an_image_are_not_known(
    bids: list[str], asks: list[str], once: bool, twice: bool
) -> None:
    levels = [(price, "1") for price in bids], [(price, "1") for price in asks]
    assert horizon(3).covers(*levels) is once
    assert horizon(3).covers(*levels, times=2) is twice


@pytest.mark.parametrize("limit", [4, None])
def test_a_side_with_fewer_levels_than_were_asked_for_is_the_whole_of_it(limit: int | None) -> None:
    assert horizon(limit).covers([("1", "1")], [("999", "1")], times=2)
