"""A canonical symbol and OKX's name are two spellings of one instrument."""

import pytest

from marketprism.contract.instruments import Exchange, Market
from marketprism.errors import ContractError
from marketprism.venues.okx.markets import MARKETS, SPOT, SWAP, instrument


@pytest.mark.parametrize(
    ("venue", "symbol", "name", "market"),
    [
        ("okx-spot", "BTC-USDT", "BTC-USDT", Market.SPOT),
        ("okx-swap", "BTC-USDT", "BTC-USDT-SWAP", Market.PERPETUAL),
        ("okx-swap", "币安人生-USDT", "币安人生-USDT-SWAP", Market.PERPETUAL),
    ],
)
def test_a_symbol_has_a_name_on_each_market(venue: str, symbol: str, name: str, market: Market) -> None:
    made = instrument(MARKETS[venue], symbol)
    assert (made.exchange, made.market, made.symbol, made.name) == (Exchange.OKX, market, symbol, name)


def test_the_two_markets_differ_in_what_they_are_called() -> None:
    assert (SPOT.instrument_type, SWAP.instrument_type) == ("SPOT", "SWAP")


def test_a_name_of_okx_is_no_symbol() -> None:
    with pytest.raises(ContractError, match="not canonical"):
        instrument(SWAP, "BTC-USDT-SWAP")
