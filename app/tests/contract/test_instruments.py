"""Symbols are canonical, and any text becomes one subject token."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketprism.contract.catalog import subject
from marketprism.contract.instruments import (
    Exchange,
    Instrument,
    Market,
    escape_token,
    require_symbol,
    unescape_token,
)
from marketprism.errors import ContractError


@given(st.text(min_size=1).filter(lambda text: text.isprintable()))
def test_a_token_holds_no_character_that_nats_reads_and_comes_back(text: str) -> None:
    token = escape_token(text)
    assert not set(token) & set(" .*>\t\r\n")
    assert token.isascii()
    assert unescape_token(token) == text


@pytest.mark.parametrize(
    "symbol", ["BTC-USDT", "BTC-USDT-261225", "币安人生-USDT", "1000SATS-FDUSD", "BTC-USD-261225-50000-C"]
)
def test_canonical_symbols_pass(symbol: str) -> None:
    assert require_symbol(symbol) == symbol


@pytest.mark.parametrize("symbol", ["BTCUSDT", "BTC/USDT", "BTC-", "-USDT", "BTC USDT", "BTC-US.DT", "btc->"])
def test_other_symbols_are_refused_with_the_right_form(symbol: str) -> None:
    with pytest.raises(ContractError, match="such as BTC-USDT"):
        require_symbol(symbol)


def test_a_subject_names_type_exchange_market_and_symbol() -> None:
    instrument = Instrument(exchange=Exchange.BINANCE, market=Market.PERPETUAL, symbol="币安人生-USDT", name="x")
    assert subject("trade", instrument) == "trade.binance.perpetual.%E5%B8%81%E5%AE%89%E4%BA%BA%E7%94%9F-USDT"
