from marketprism.sim.binance import figures
from marketprism.sim.binance.listings import listing
from marketprism.sim.facts import Liquidation, Mark, OpenInterest
from marketprism.sim.instruments import MarketKind, pair

BTC, PICO = (listing(MarketKind.BINANCE_USDM, pair(name)) for name in ("BTCUSDT", "PICOUSDT"))
NOW = 1_791_382_993_000
MARK = Mark(
    mark=830_843_000,
    average=830_842_500,
    index=831_236_589,
    settle=831_951_588,
    rate=-7_800_000_000,
    funding_ms=1_791_388_800_000,
    interval_ms=28_800_000,
)


def test_mark_price_and_funding_are_written_as_on_the_wire() -> None:
    assert figures.mark_price(BTC, MARK, NOW) == {
        "e": "markPriceUpdate",
        "E": 1791382993000,
        "s": "BTCUSDT",
        "p": "83084.30000000",
        "ap": "83084.25000000",
        "P": "83195.15880000",
        "i": "83123.65890000",
        "r": "-0.00000078",
        "T": 1791388800000,
        "st": 1,
    }
    polled = figures.premium_index(BTC, MARK, NOW)
    assert (polled["markPrice"], polled["lastFundingRate"]) == ("83084.30000000", "-0.00000078")
    assert (polled["nextFundingTime"], polled["time"]) == (1791388800000, 1791382993000)


def test_no_funding_is_a_time_of_zero_and_a_rate_of_nothing_in_both_forms() -> None:
    none = Mark(1, 1, 1, 1, rate=0, funding_ms=0, interval_ms=1)
    rates = [figures.mark_price(BTC, none, NOW + after)["r"] for after in (0, 1000)]
    assert sorted(rates) == ["", "0.00000000"]
    assert figures.mark_price(BTC, none, NOW)["T"] == 0


def test_prices_of_the_finest_ticks_lose_nothing() -> None:
    mark = figures.mark_price(PICO, Mark(45_678_912, 1, 1, 1, 0, 1, 1), NOW)
    assert (mark["p"], mark["i"]) == ("0.000000045678912", "0.000000000000001")


def test_a_liquidation_names_side_prices_and_quantities() -> None:
    order = Liquidation(
        buys=False, price=99_100, average=99_100_500, lots=14, filled_lots=14, last_lots=5, first_id=1, last_id=3
    )
    frame = figures.force_order(BTC, order, NOW)
    assert frame == {
        "e": "forceOrder",
        "E": NOW,
        "o": {
            "s": "BTCUSDT",
            "S": "SELL",
            "o": "LIMIT",
            "f": "IOC",
            "q": "0.014",
            "p": "9910.00",
            "ap": "9910.0500",
            "X": "FILLED",
            "l": "0.005",
            "z": "0.014",
            "T": NOW - 1,
        },
    }
    assert figures.in_array(frame, "BTCUSDT") == {**frame, "ps": "BTCUSDT", "st": 1}
    foreign = figures.coin_margined(frame, "BTC")
    assert (foreign["o"]["s"], foreign["ps"], foreign["st"]) == ("BTCUSD_PERP", "BTCUSD", 2)


def test_a_bought_back_short_says_buy_and_a_part_that_is_left_says_so() -> None:
    order = Liquidation(True, 99_100, 99_100_000, lots=14, filled_lots=9, last_lots=5, first_id=1, last_id=3)
    shown = figures.force_order(BTC, order, NOW)["o"]
    assert (shown["S"], shown["X"], shown["q"], shown["z"]) == ("BUY", "PARTIALLY_FILLED", "0.014", "0.009")


def test_a_coin_margined_mark_has_another_symbol_and_type() -> None:
    row = figures.coin_margined(figures.mark_price(BTC, MARK, NOW), "BTC")
    assert (row["s"], row["st"], row["p"]) == ("BTCUSD_PERP", 2, "83084.30000000")


def test_open_interest_is_in_base_currency() -> None:
    assert figures.open_interest(BTC, OpenInterest(95_744_938), NOW) == {
        "symbol": "BTCUSDT",
        "openInterest": "95744.938",
        "time": NOW,
    }


def test_a_ratio_has_both_shares_and_their_quotient() -> None:
    assert figures.ratio(BTC, 5_892, NOW) == {
        "symbol": "BTCUSDT",
        "longShortRatio": "1.4342",
        "longAccount": "0.5892",
        "shortAccount": "0.4108",
        "timestamp": NOW,
    }
