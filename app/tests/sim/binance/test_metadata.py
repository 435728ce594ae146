from marketprism.sim.binance import metadata
from marketprism.sim.binance.listings import listing
from marketprism.sim.instruments import MarketKind, pair

USDM = listing(MarketKind.BINANCE_USDM, pair("BTCUSDT"))
NOW = 1_791_382_992_488


def test_metadata_names_the_steps() -> None:
    [symbol] = metadata.exchange_info([USDM], NOW)["symbols"]
    filters = {each["filterType"]: each for each in symbol["filters"]}
    assert (symbol["baseAsset"], symbol["quoteAsset"], symbol["contractType"]) == ("BTC", "USDT", "PERPETUAL")
    assert (filters["PRICE_FILTER"]["tickSize"], filters["LOT_SIZE"]["stepSize"]) == ("0.10", "0.001")
