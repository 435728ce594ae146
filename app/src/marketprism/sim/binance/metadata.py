"""The symbols of a market as ``exchangeInfo`` shows them."""

from marketprism.sim.instruments import Listing, MarketKind, Step
from marketprism.sim.venue import Frame

_PADDED_FROM, _PADDED_TO = 4, 7
"""Steps of the futures exchange with so many digits are padded to so many: a tick is ``0.0001000``, not ``0.0001``."""

_NO_DELIVERY = 4_133_404_800_000
_UNTRADED = (
    {"symbol": "BTCUSDT_260925", "contractType": "CURRENT_QUARTER", "status": "SETTLING"},
    {"symbol": "SOONUSDT", "contractType": "PERPETUAL", "status": "PENDING_TRADING"},
)
"""Futures that are listed and do not trade, as there always are some."""


def exchange_info(listings: list[Listing], delisted: set[str], now_ms: int) -> Frame:
    """Render the metadata of symbols of one market."""
    return {
        "timezone": "UTC",
        "serverTime": now_ms,
        "rateLimits": [],
        "exchangeFilters": [],
        "symbols": [_symbol(listing, trading=listing.symbol not in delisted) for listing in listings],
    }


def untraded(now_ms: int) -> list[Frame]:
    """Render the futures that do not trade."""
    steps = {
        "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": "0.10", "maxPrice": "1000000", "tickSize": "0.10"},
            {"filterType": "LOT_SIZE", "minQty": "0.001", "maxQty": "1000", "stepSize": "0.001"},
        ]
    }
    names = {"quoteAsset": "USDT", "marginAsset": "USDT", "deliveryDate": now_ms}
    return [
        {**each, "pair": each["symbol"].partition("_")[0], "baseAsset": each["symbol"].partition("USDT")[0]}
        | names
        | steps
        for each in _UNTRADED
    ]


def _symbol(listing: Listing, *, trading: bool) -> Frame:
    tick, lot, names = listing.tick, listing.lot, {"baseAsset": listing.base, "quoteAsset": listing.quote}
    if listing.market is MarketKind.BINANCE_SPOT:
        symbol: Frame = {"symbol": listing.symbol, "status": "TRADING" if trading else "BREAK", **names}
    else:
        symbol = {
            "symbol": listing.symbol,
            "pair": listing.symbol,
            "contractType": "PERPETUAL",
            "deliveryDate": _NO_DELIVERY,
            "status": "TRADING" if trading else "SETTLING",
            **names,
            "marginAsset": listing.quote,
            "pricePrecision": tick.shown,
            "quantityPrecision": lot.shown,
        }
        tick, lot = _padded(tick), _padded(lot)
    highest = tick.text(100 * listing.price)
    price = {"filterType": "PRICE_FILTER", "minPrice": tick.text(1), "maxPrice": highest, "tickSize": tick.text(1)}
    size = {"filterType": "LOT_SIZE", "minQty": lot.text(1), "maxQty": lot.text(10**9), "stepSize": lot.text(1)}
    return {**symbol, "filters": [price, size]}


def _padded(step: Step) -> Step:
    return Step(step.digits, max(step.shown, _PADDED_TO)) if step.digits >= _PADDED_FROM else step
