"""Missing trades are filled from their ends, and nothing outside of them is taken."""

import pytest

from marketprism.contract.events import Trade
from marketprism.pipeline.missing import MissingTrades
from marketprism.venues.protocol import Purpose, RestRequest
from tests.pipeline.venue import BTC, TestVenue
from tests.storage.envelopes import trade


def fills(*ids: int) -> list[Trade]:
    return [trade(each) for each in ids]


@pytest.mark.parametrize(
    ("ids", "taken", "left"),
    [
        ((10, 11, 12), [10, 11, 12], (13, 19)),
        ((19, 18, 17), [17, 18, 19], (10, 16)),
        (range(10, 20), list(range(10, 20)), (20, 19)),
        ((8, 9, 10, 20, 21), [10], (11, 19)),
        ((14, 15), [14, 15], (10, 19)),
        ((), [], (10, 19)),
    ],
    ids=["oldest first", "newest first", "all", "with others", "amid", "none"],
)
def test_an_answer_fills_the_ends(ids: tuple[int, ...], taken: list[int], left: tuple[int, int]) -> None:
    missing = MissingTrades(TestVenue(), BTC, 10, 19)
    assert [each.trade_id for each in missing.take(fills(*ids))] == taken
    assert (missing.first, missing.last) == left
    assert missing.size == left[1] - left[0] + 1


def test_what_is_left_is_asked_for_where_the_venue_gives_it() -> None:
    missing = MissingTrades(TestVenue(), BTC, 10, 19)
    missing.take(fills(10))
    request = missing.request()
    assert request == RestRequest(Purpose.HEAL, "trade", BTC, "/", 1, 11, 19)
    assert missing.overlaps(request)
    assert not MissingTrades(TestVenue(), BTC, 20, 30).overlaps(request)
    assert MissingTrades(TestVenue(heals=False), BTC, 10, 19).request() is None
