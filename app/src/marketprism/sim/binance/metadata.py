"""The symbols of a market as ``exchangeInfo`` shows them."""

from marketprism.sim.instruments import Listing, MarketKind
from marketprism.sim.venue import Frame


def exchange_info(listings: list[Listing], now_ms: int) -> Frame:
    """Render the metadata of all symbols of one market."""
    return {
        "timezone": "UTC",
        "serverTime": now_ms,
        "rateLimits": [],
        "exchangeFilters": [],
        "symbols": [_symbol(listing) for listing in listings],
    }


def _symbol(listing: Listing) -> Frame:
    tick, lot = listing.tick, listing.lot
    symbol: Frame = {"symbol": listing.symbol, "status": "TRADING"}
    if listing.market is MarketKind.BINANCE_USDM:
        symbol |= {
            "pair": listing.symbol,
            "contractType": "PERPETUAL",
            "deliveryDate": 4133404800000,
            "marginAsset": listing.quote,
            "pricePrecision": tick.shown,
            "quantityPrecision": lot.shown,
        }
    highest = tick.text(100 * listing.price)
    return symbol | {
        "baseAsset": listing.base,
        "quoteAsset": listing.quote,
        "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": tick.text(1), "maxPrice": highest, "tickSize": tick.text(1)},
            {"filterType": "LOT_SIZE", "minQty": lot.text(1), "maxQty": lot.text(10**9), "stepSize": lot.text(1)},
        ],
    }
