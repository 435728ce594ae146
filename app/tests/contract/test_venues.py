"""What is collected where nothing is configured, and under which names."""

from marketprism.contract.catalog import DATA_TYPES
from marketprism.contract.instruments import Exchange, Market, require_symbol
from marketprism.contract.venues import VENUES, default_data_types, feeds, place, venue_of


def test_every_type_but_gaps_which_are_found_comes_from_some_venue() -> None:
    assert {name for venue in VENUES.values() for name in venue.data_types} == set(DATA_TYPES) - {"gap"}


def test_default_symbols_are_canonical() -> None:
    for venue in VENUES.values():
        for symbol in venue.symbols:
            assert require_symbol(symbol) == symbol


def test_every_change_of_a_book_is_collected_only_where_it_is_asked_for() -> None:
    assert default_data_types("binance-spot") == ("trade", "orderbook")
    assert "volatility_index" in default_data_types("deribit")


def test_a_symbol_with_an_expiry_is_a_future() -> None:
    assert place("binance-usdm", "trade", "BTC-USDT-261225") == (Market.FUTURE, "BTC-USDT-261225")
    assert place("binance-usdm", "trade", "BTC-USDT") == (Market.PERPETUAL, "BTC-USDT")


def test_a_volatility_index_belongs_to_the_base_currency_and_is_expected_once() -> None:
    found = feeds("deribit", ("BTC-USD", "BTC-USDC"), ("volatility_index",))
    assert found == [("volatility_index", Market.INDEX, "BTC-USD")]


def test_no_volatility_index_is_expected_of_a_currency_that_has_none() -> None:
    assert feeds("deribit", ("SOL-USDC", "ETH-USDC"), ("volatility_index",)) == [
        ("volatility_index", Market.INDEX, "ETH-USD")
    ]


def test_a_type_that_may_be_silent_is_not_expected_to_be_fresh() -> None:
    assert feeds("okx-swap", ("BTC-USDT",), ("liquidation",)) == []


def test_a_future_pays_no_funding() -> None:
    found = feeds("binance-usdm", ("BTC-USDT", "BTC-USDT-261225"), ("funding_rate",))
    assert found == [("funding_rate", Market.PERPETUAL, "BTC-USDT")]


def test_futures_and_indices_belong_to_the_venue_of_the_perpetuals() -> None:
    assert venue_of(Exchange.BINANCE, Market.SPOT) == "binance-spot"
    assert venue_of(Exchange.BINANCE, Market.FUTURE) == "binance-usdm"
    assert venue_of(Exchange.DERIBIT, Market.INDEX) == "deribit"
