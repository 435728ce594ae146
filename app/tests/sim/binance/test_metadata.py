import pytest

from marketprism.sim.binance import metadata
from marketprism.sim.binance.listings import listing
from marketprism.sim.instruments import MarketKind, pair

SPOT, USDM = (listing(kind, pair("BTCUSDT")) for kind in (MarketKind.BINANCE_SPOT, MarketKind.BINANCE_USDM))
NOW = 1_791_382_992_488


def test_metadata_names_the_steps() -> None:
    [symbol] = metadata.exchange_info([USDM], set(), NOW)["symbols"]
    filters = {each["filterType"]: each for each in symbol["filters"]}
    assert (symbol["baseAsset"], symbol["quoteAsset"], symbol["contractType"]) == ("BTC", "USDT", "PERPETUAL")
    assert (filters["PRICE_FILTER"]["tickSize"], filters["LOT_SIZE"]["stepSize"]) == ("0.10", "0.001")


@pytest.mark.parametrize(
    ("kind", "name", "tick"),
    [
        (MarketKind.BINANCE_SPOT, "BTCUSDT", "0.01000000"),
        (MarketKind.BINANCE_USDM, "PICOUSDT", "0.000000000001"),
        (MarketKind.BINANCE_SPOT, "PICOUSDT", "0.000000000001"),
        (MarketKind.BINANCE_USDM, "DOGEUSDT", "0.0001000"),
    ],
)
def test_small_steps_are_padded_with_zeros_as_on_the_exchange(kind: MarketKind, name: str, tick: str) -> None:
    [symbol] = metadata.exchange_info([listing(kind, pair(name))], set(), NOW)["symbols"]
    assert symbol["filters"][0]["tickSize"] == tick


def test_a_delisted_symbol_stays_in_the_list_with_another_status() -> None:
    statuses = {
        each["status"]
        for about in (SPOT, USDM)
        for delisted in (set(), {"BTCUSDT"})
        for each in metadata.exchange_info([about], delisted, NOW)["symbols"]
    }
    assert statuses == {"TRADING", "BREAK", "SETTLING"}


def test_there_are_futures_that_do_not_trade() -> None:
    found = [(each["symbol"], each["contractType"], each["status"]) for each in metadata.untraded(NOW)]
    assert found == [
        ("BTCUSDT_260925", "CURRENT_QUARTER", "SETTLING"),
        ("SOONUSDT", "PERPETUAL", "PENDING_TRADING"),
    ]
