import json
from typing import Any

import pytest

from marketprism.sim import frames
from marketprism.sim.instruments import MarketKind, listing
from marketprism.sim.market import Aggregate, DepthUpdate, Fact, Fill, Top
from marketprism.sim.rules import Route

SPOT, USDM = listing(MarketKind.SPOT, "BTCUSDT"), listing(MarketKind.USDM, "BTCUSDT")
NOW = 1_791_382_992_488
TOP = Top(160, 6_500_000, 10_000, 6_500_001, 20_000)


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
def test_events_are_written_field_by_field_as_documented(about: Any, fact: Fact, expected: str) -> None:
    assert json.loads(frames.encode(frames.event(about, fact, NOW))) == json.loads(expected)


def test_every_stream_has_the_documented_name_and_route() -> None:
    found = {}
    for about, periods in ((SPOT, (100, 1000)), (USDM, (100, 250, 500))):
        updates = [DepthUpdate(period, 1, 2, 0, [], [], TOP) for period in periods]
        found[about.market] = {
            frames.stream_of(about, fact) for fact in (Aggregate(1, 1, 1, 0, 1, 1, False), TOP, *updates)
        }
    names = ("aggTrade", "bookTicker", "depth", "depth@100ms")
    assert found[MarketKind.SPOT] == {(Route.SPOT, f"btcusdt@{name}") for name in names}
    public = ("bookTicker", "depth", "depth@100ms", "depth@500ms")
    expected = {(Route.USDM_PUBLIC, f"btcusdt@{name}") for name in public}
    assert found[MarketKind.USDM] == expected | {(Route.USDM_MARKET, "btcusdt@aggTrade")}


def test_single_fills_of_futures_are_not_published() -> None:
    assert frames.stream_of(USDM, Fill(1, 1, 1, buyer_is_maker=False)) is None
    assert frames.stream_of(SPOT, Fill(1, 1, 1, buyer_is_maker=False)) == (Route.SPOT, "btcusdt@trade")


def test_metadata_names_the_steps() -> None:
    [symbol] = frames.exchange_info([USDM], NOW)["symbols"]
    filters = {each["filterType"]: each for each in symbol["filters"]}
    assert (symbol["baseAsset"], symbol["quoteAsset"], symbol["contractType"]) == ("BTC", "USDT", "PERPETUAL")
    assert (filters["PRICE_FILTER"]["tickSize"], filters["LOT_SIZE"]["stepSize"]) == ("0.10", "0.001")
