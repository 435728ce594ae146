import json

import pytest

from marketprism.sim.binance import frames
from marketprism.sim.binance.listings import listing
from marketprism.sim.binance.venue import Binance
from marketprism.sim.facts import Aggregate, DepthUpdate, Fact, Fill, Top
from marketprism.sim.instruments import Listing, MarketKind, pair
from tests.sim.conftest import Frame

SPOT, USDM = listing(MarketKind.BINANCE_SPOT, pair("BTCUSDT")), listing(MarketKind.BINANCE_USDM, pair("BTCUSDT"))
NOW = 1_791_382_992_488
TOP = Top(160, 6_500_000, 10_000, 6_500_001, 20_000)


def rendered(about: Listing, fact: Fact) -> Frame:
    [publication] = Binance().publications(about, fact, NOW)
    return publication.render()


@pytest.mark.parametrize(
    ("about", "fact", "expected"),
    [
        (
            SPOT,
            Fill(12345, 6_500_000, 100, buyer_is_maker=True),
            (
                '{"e":"trade","E":1791382992488,"s":"BTCUSDT","t":12345,"p":"65000.00000000","q":"0.00100000",'
                '"T":1791382992487,"m":true,"M":true}'
            ),
        ),
        (
            USDM,
            Aggregate(9, 830_917, 22, 2, 34, 35, buyer_is_maker=False),
            (
                '{"e":"aggTrade","E":1791382992488,"a":9,"s":"BTCUSDT","p":"83091.70","q":"0.022","nq":"0.020","f":34,"l":35,'
                '"T":1791382992487,"m":false,"st":1}'
            ),
        ),
        (
            SPOT,
            TOP,
            '{"u":160,"s":"BTCUSDT","b":"65000.00000000","B":"0.10000000","a":"65000.01000000","A":"0.20000000"}',
        ),
        (
            USDM,
            DepthUpdate(100, 157, 160, 149, [(650_000, 0)], [(650_001, 5)], TOP),
            (
                '{"e":"depthUpdate","E":1791382992488,"T":1791382992487,"s":"BTCUSDT","U":157,"u":160,"pu":149,'
                '"b":[["65000.00","0.000"]],"a":[["65000.10","0.005"]],"ps":"BTCUSDT","st":1}'
            ),
        ),
    ],
    ids=["spot trade", "futures aggTrade", "spot bookTicker", "futures depth"],
)
def test_events_are_written_field_by_field_as_documented(about: Listing, fact: Fact, expected: str) -> None:
    assert json.loads(frames.encode(rendered(about, fact))) == json.loads(expected)


def test_the_truth_of_a_depth_update_is_its_ids_and_the_top_of_the_book() -> None:
    update = DepthUpdate(100, 5, 9, 4, [(1, 0), (2, 5)], [], Top(9, 2, 5, 3, 6))
    [publication] = Binance().publications(SPOT, update, NOW)
    assert publication.truth is not None
    assert publication.truth(publication.render()) == {
        "e": "depthUpdate",
        "E": NOW,
        "s": "BTCUSDT",
        "U": 5,
        "u": 9,
        "levels": [2, 0],
        "top": {"b": "0.02000000", "B": "0.00005000", "a": "0.03000000", "A": "0.00006000"},
    }
