"""Canonical symbols and Deribit's names, and what Deribit counts."""

import pytest

from marketprism.contract.instruments import ContractUnit, Market
from marketprism.errors import ConfigurationError, ContractError
from marketprism.venues.deribit.instruments import base_quantity, contracts, perpetual, volatility_index
from tests.venues.deribit.frames import BTC, BTC_USDC


@pytest.mark.parametrize(
    ("symbol", "name", "unit"),
    [
        ("BTC-USD", "BTC-PERPETUAL", ContractUnit.QUOTE),
        ("ETH-USD", "ETH-PERPETUAL", ContractUnit.QUOTE),
        ("BTC-USDC", "BTC_USDC-PERPETUAL", ContractUnit.BASE),
        ("SOL-USDT", "SOL_USDT-PERPETUAL", ContractUnit.BASE),
    ],
)
def test_a_symbol_names_a_perpetual(symbol: str, name: str, unit: ContractUnit) -> None:
    made = perpetual(symbol)
    assert (made.symbol, made.name, made.market) == (symbol, name, Market.PERPETUAL)
    assert (made.contract_size, made.contract_unit) == ("1", unit)


def test_what_is_no_perpetual_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="no perpetual"):
        perpetual("BTC-USD-261225")
    with pytest.raises(ContractError, match="not canonical"):
        perpetual("BTC")


def test_a_volatility_index_belongs_to_the_base_currency() -> None:
    for instrument in (BTC, BTC_USDC):
        index = volatility_index(instrument)
        assert (index.market, index.symbol, index.name) == (Market.INDEX, "BTC-USD", "btc_usd")


def test_an_inverse_amount_is_dollars_and_counts_as_contracts() -> None:
    assert base_quantity(BTC, "20", "63344.5") == "0.000315733804829149"
    assert contracts(BTC, "20") == "20"


def test_a_linear_amount_is_base_currency_as_sent() -> None:
    assert base_quantity(BTC_USDC, "0.0150", "63344.5") == "0.0150"
    assert contracts(BTC_USDC, "0.0150") is None
