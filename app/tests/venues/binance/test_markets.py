"""Binance's names and the canonical symbols are two spellings of one thing."""

import pytest

from marketprism.contract.instruments import Market
from marketprism.errors import ConfigurationError
from marketprism.venues.binance.markets import SPOT, USDM, instrument


@pytest.mark.parametrize(
    ("given", "symbol", "name"),
    [
        ("BTCUSDT", "BTC-USDT", "BTCUSDT"),
        ("btcusdt", "BTC-USDT", "BTCUSDT"),
        ("BTC-USDT", "BTC-USDT", "BTCUSDT"),
        ("1000SATSFDUSD", "1000SATS-FDUSD", "1000SATSFDUSD"),
        ("ETHBTC", "ETH-BTC", "ETHBTC"),
        ("币安人生USDT", "币安人生-USDT", "币安人生USDT"),
    ],
)
def test_a_name_and_its_symbol_make_the_same_instrument(given: str, symbol: str, name: str) -> None:
    made = instrument(SPOT, given)
    assert (made.symbol, made.name, made.market) == (symbol, name, Market.SPOT)


def test_an_expiry_makes_a_future() -> None:
    made = instrument(USDM, "BTCUSDT_261225")
    assert (made.symbol, made.name, made.market) == ("BTC-USDT-261225", "BTCUSDT_261225", Market.FUTURE)


def test_usdm_is_perpetual() -> None:
    assert instrument(USDM, "BTCUSDT").market is Market.PERPETUAL


def test_an_unknown_quote_asks_for_the_dashed_form() -> None:
    with pytest.raises(ConfigurationError, match="joined by a dash"):
        instrument(SPOT, "FOOXYZ")
