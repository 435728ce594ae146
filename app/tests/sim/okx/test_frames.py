from dataclasses import replace

from marketprism.sim.facts import Aggregate, Fill, Liquidation, Mark, OpenInterest
from marketprism.sim.instruments import MarketKind, Pair
from marketprism.sim.okx import frames
from marketprism.sim.okx.listings import OkxListing, listing

NOW_MS = 1_786_540_436_090
MARK = Mark(
    mark=634_212_345,
    average=0,
    index=0,
    settle=0,
    rate=-4_270_396_398_519,
    funding_ms=1_785_888_000_000,
    interval_ms=28_800_000,
)


def listed(market: MarketKind, quote: str = "USDT") -> OkxListing:
    found = listing(market, Pair("BTC", quote))
    assert found
    return found


SPOT, SWAP, INVERSE = listed(MarketKind.OKX_SPOT), listed(MarketKind.OKX_SWAP), listed(MarketKind.OKX_SWAP, "USD")


def test_an_aggregate_counts_its_fills_and_bears_the_id_of_the_last() -> None:
    trade = Aggregate(7, 639_134, 3_495, 0, 2_832_749_636, 2_832_749_645, buyer_is_maker=True)
    assert frames.push("trades", {"instId": SWAP.symbol}, [frames.aggregate(SWAP, trade, 333_793_118_093, NOW_MS)]) == {
        "arg": {"channel": "trades", "instId": "BTC-USDT-SWAP"},
        "data": [
            {
                "instId": "BTC-USDT-SWAP",
                "tradeId": "2832749645",
                "px": "63913.4",
                "sz": "34.95",
                "side": "sell",
                "ts": "1786540436090",
                "count": "10",
                "source": "0",
                "seqId": 333_793_118_093,
            }
        ],
    }


def test_a_fill_of_spot_is_in_base_currency() -> None:
    fill = Fill(1_040_968_614, 640_402, 6_681_896, buyer_is_maker=False)
    assert frames.fill(SPOT, fill, NOW_MS) == {
        "instId": "BTC-USDT",
        "side": "buy",
        "sz": "0.06681896",
        "source": "0",
        "px": "64040.2",
        "tradeId": "1040968614",
        "ts": "1786540436090",
    }


def test_funding_has_sixteen_decimals_and_no_next_rate() -> None:
    row = frames.funding(SWAP, MARK, 1_996_513_270_201, NOW_MS)
    assert (row["fundingRate"], row["settFundingRate"]) == ("-0.0004270396398519", "0.0001996513270201")
    assert row["nextFundingRate"] == ""
    assert (row["prevFundingTime"], row["fundingTime"], row["nextFundingTime"]) == (
        "1785859200000",
        "1785888000000",
        "1785916800000",
    )


def test_where_no_funding_is_scheduled_times_and_rate_are_empty() -> None:
    row = frames.funding(SWAP, replace(MARK, funding_ms=0, rate=0), 0, NOW_MS)
    assert {row[name] for name in ("fundingRate", "fundingTime", "nextFundingTime", "prevFundingTime")} == {""}


def test_open_interest_is_told_in_contracts_coins_and_dollars() -> None:
    row = frames.open_interest(INVERSE, OpenInterest(2_368_700), MARK, NOW_MS)
    assert (row["instId"], row["instType"], row["oi"]) == ("BTC-USD-SWAP", "SWAP", "236870")
    assert (row["oiCcy"], row["oiUsd"]) == ("373.48689578", "23687000")  # at 63421.2345
    linear = frames.open_interest(SWAP, OpenInterest(2_368_700), MARK, NOW_MS)
    assert (linear["oi"], linear["oiCcy"]) == ("23687", "236.87")


def test_a_bought_liquidation_closes_a_short_position() -> None:
    closed = Liquidation(True, 235_239, 0, 1, 1, 1, 5, 6)
    assert frames.liquidation(SWAP, closed, 1_672_738_134_824) == {
        "details": [
            {
                "bkLoss": "0",
                "bkPx": "23523.9",
                "ccy": "",
                "posSide": "short",
                "side": "buy",
                "sz": "0.01",
                "ts": "1672738134824",
            }
        ],
        "instFamily": "BTC-USDT",
        "instId": "BTC-USDT-SWAP",
        "instType": "SWAP",
        "uly": "BTC-USDT",
    }
    (detail,) = frames.liquidation(SWAP, replace(closed, buys=False), NOW_MS)["details"]
    assert (detail["side"], detail["posSide"]) == ("sell", "long")


def test_metadata_tells_contracts_apart() -> None:
    told = [
        [row[name] for name in ("instType", "ctType", "ctVal", "ctMult", "ctValCcy", "settleCcy", "tickSz", "lotSz")]
        for row in map(frames.instrument, (SPOT, SWAP, INVERSE))
    ]
    assert told == [
        ["SPOT", "", "", "", "", "", "0.1", "0.00000001"],
        ["SWAP", "linear", "0.01", "1", "BTC", "USDT", "0.1", "0.01"],
        ["SWAP", "inverse", "100", "1", "USD", "BTC", "0.1", "0.1"],
    ]
    assert [frames.instrument(SPOT)[name] for name in ("baseCcy", "quoteCcy", "uly", "state")] == [
        "BTC",
        "USDT",
        "",
        "live",
    ]
