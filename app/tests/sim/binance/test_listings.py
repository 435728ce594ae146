import pytest

from marketprism.sim.binance.listings import listing
from marketprism.sim.instruments import MarketKind, Pair, Step

SPOT, USDM = MarketKind.BINANCE_SPOT, MarketKind.BINANCE_USDM


def test_the_same_pair_has_steps_of_its_own_in_each_market() -> None:
    spot, usdm = listing(SPOT, Pair("BTC", "USDT")), listing(USDM, Pair("BTC", "USDT"))
    assert (spot.symbol, spot.tick.text(spot.price), spot.tick.text(1)) == ("BTCUSDT", "65123.45000000", "0.01000000")
    assert (usdm.symbol, usdm.tick.text(usdm.price), usdm.lot.text(1)) == ("BTCUSDT", "65120.10", "0.001")


def test_an_unknown_pair_gets_the_same_description_every_time() -> None:
    assert listing(SPOT, Pair("SOL", "USDT")) == listing(SPOT, Pair("SOL", "USDT"))
    assert listing(SPOT, Pair("SOL", "USDT")).base == "SOL"


@pytest.mark.parametrize("market", [SPOT, USDM])
def test_a_tick_of_1e_12_and_quantities_of_1e11_are_printed_in_full(market: MarketKind) -> None:
    about = listing(market, Pair("PICO", "USDT"))
    assert about.tick == Step(12, 12)
    assert about.tick.text(about.price) == "0.000000045678"
    assert about.lots > 10**11


def test_names_need_not_be_ascii() -> None:
    assert listing(USDM, Pair("币安人生", "USDT")).symbol == "币安人生USDT"
