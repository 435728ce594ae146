from typing import Any

from marketprism.sim.binance import streams
from marketprism.sim.binance.listings import listing
from marketprism.sim.facts import Liquidation, Mark, OpenInterest
from marketprism.sim.instruments import MarketKind, pair

USDM = listing(MarketKind.BINANCE_USDM, pair("BTCUSDT"))
SECOND = 1_791_382_993_000  # not a multiple of three seconds
MARK = Mark(1, 1, 1, 1, rate=0, funding_ms=SECOND, interval_ms=1)
MARKET = "usdm/market"


def order(first_id: int) -> Liquidation:
    return Liquidation(True, 5, 5_000, 1, 1, 1, first_id, first_id)


def test_marks_are_published_every_second_and_every_third_one_under_the_slow_name() -> None:
    names = [[each.channel for each in streams.usdm(USDM, MARK, SECOND + after * 1000)] for after in range(3)]
    quick, slow = (MARKET, "btcusdt@markPrice@1s"), (MARKET, "btcusdt@markPrice")
    assert sorted(names) == [[quick], [quick], [quick, slow]]


def test_the_marks_of_all_symbols_are_two_frames_with_coin_margined_rows_among_them() -> None:
    listed = [listing(MarketKind.BINANCE_USDM, pair(f"S{number}USDT")) for number in range(45)]
    frames: list[Any] = [
        each.render()
        for each in streams.all_marks([(about, MARK) for about in listed], SECOND)
        if each.channel == (MARKET, "!markPrice@arr@1s")
    ]
    assert len(frames) == 2
    rows = frames[0] + frames[1]
    assert [row["s"] for row in rows if row["st"] == 1] == [about.symbol for about in listed]
    assert [row["s"] for row in rows if row["st"] == 2] == ["S0USD_PERP", "S20USD_PERP", "S40USD_PERP"]
    assert min(map(len, frames)) > 0


def test_even_one_symbol_makes_two_frames() -> None:
    frames = [each.render() for each in streams.all_marks([(USDM, MARK)], SECOND)]
    assert [len(frame) for frame in frames[:2]] == [1, 1]


def test_a_liquidation_is_on_its_own_stream_and_on_that_of_all_symbols() -> None:
    own, all_symbols = streams.usdm(USDM, order(1), SECOND)
    assert (own.channel, all_symbols.channel) == ((MARKET, "btcusdt@forceOrder"), (MARKET, "!forceOrder@arr"))
    rendered: list[Any] = [own.render(), all_symbols.render()]
    assert [("st" in frame, frame["o"]) for frame in rendered] == [(False, rendered[0]["o"]), (True, rendered[0]["o"])]


def test_some_liquidations_bring_a_coin_margined_one_along() -> None:
    *_, foreign = streams.usdm(USDM, order(3), SECOND)
    frame: Any = foreign.render()
    assert (foreign.channel, frame["st"], frame["o"]["s"]) == ((MARKET, "!forceOrder@arr"), 2, "BTCUSD_PERP")


def test_open_interest_is_on_no_stream() -> None:
    assert list(streams.usdm(USDM, OpenInterest(5), SECOND)) == []
