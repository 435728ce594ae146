"""The symbols of Binance: names, steps, and how each market prints numbers."""

from marketprism.sim.instruments import Listing, MarketKind, Pair, Step, derived_steps, typical_lots

_SPOT_DIGITS = 8
_FINEST_TICK = {"PICO": (45_678, 12, 0)}
"""Base currency -> price in ticks, digits of tick and lot: a tick of 1e-12, as small as real ones get."""

# Market, symbol -> start price in ticks, then digits of tick and lot, then digits printed by the futures exchange.
_KNOWN = {
    (MarketKind.BINANCE_SPOT, "BTCUSDT"): (6_512_345, 2, 5, 0, 0),
    (MarketKind.BINANCE_SPOT, "ETHUSDT"): (264_321, 2, 4, 0, 0),
    (MarketKind.BINANCE_USDM, "BTCUSDT"): (651_201, 1, 3, 2, 3),
    (MarketKind.BINANCE_USDM, "ETHUSDT"): (264_290, 2, 3, 2, 3),
}


def listing(market: MarketKind, pair: Pair) -> Listing:
    """Describe a pair; one that is not built in gets a price and steps derived from its name."""
    symbol = pair.base + pair.quote
    price, tick, lot, price_shown, lot_shown = _KNOWN.get((market, symbol)) or _derived(pair)
    if market is MarketKind.BINANCE_SPOT:
        price_shown, lot_shown = max(tick, _SPOT_DIGITS), _SPOT_DIGITS
    lots = typical_lots(price, tick, lot)
    return Listing(market, symbol, pair.base, pair.quote, price, lots, Step(tick, price_shown), Step(lot, lot_shown))


def _derived(pair: Pair) -> tuple[int, int, int, int, int]:
    price, tick, lot = _FINEST_TICK.get(pair.base) or derived_steps(pair.base, pair.quote)
    return price, tick, lot, tick, lot
