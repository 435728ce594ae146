"""Facts as the JSON of Binance's streams and REST answers, field by field as documented.

Spot: https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams
USD-M: https://developers.binance.com/docs/derivatives/usds-margined-futures/websocket-market-streams
"""

from typing import Any

import msgspec

from marketprism.sim.instruments import Listing, MarketKind
from marketprism.sim.market import Aggregate, DepthUpdate, Fact, Fill, Top
from marketprism.sim.rules import Route

Frame = dict[str, Any]

_SPOT_DEPTH = {100: "depth@100ms", 1000: "depth"}
_USDM_DEPTH = {100: "depth@100ms", 250: "depth", 500: "depth@500ms"}

encode = msgspec.json.Encoder().encode


def stream_of(listing: Listing, fact: Fact) -> tuple[Route, str] | None:
    """Tell which stream carries a fact; None for single fills of futures, which are not published."""
    name = listing.symbol.lower()
    spot = listing.market is MarketKind.SPOT
    match fact:
        case Fill():
            return (Route.SPOT, f"{name}@trade") if spot else None
        case Aggregate():
            return Route.SPOT if spot else Route.USDM_MARKET, f"{name}@aggTrade"
        case Top():
            return Route.SPOT if spot else Route.USDM_PUBLIC, f"{name}@bookTicker"
        case DepthUpdate():
            kind = (_SPOT_DEPTH if spot else _USDM_DEPTH)[fact.period_ms]
            return Route.SPOT if spot else Route.USDM_PUBLIC, f"{name}@{kind}"


def event(listing: Listing, fact: Fact, now_ms: int) -> Frame:
    """Render a fact as its stream's event of the time `now_ms`; the transaction is dated one millisecond earlier."""
    match fact:
        case Fill():
            return _trade(listing, fact, now_ms)
        case Aggregate():
            return _aggregate(listing, fact, now_ms)
        case Top():
            return _ticker(listing, fact, now_ms)
        case DepthUpdate():
            return _depth(listing, fact, now_ms)


def _trade(listing: Listing, fill: Fill, now_ms: int) -> Frame:
    return {
        "e": "trade",
        "E": now_ms,
        "s": listing.symbol,
        "t": fill.trade_id,
        "p": listing.tick.text(fill.price),
        "q": listing.lot.text(fill.lots),
        "T": now_ms - 1,
        "m": fill.buyer_is_maker,
        "M": True,
    }


def _aggregate(listing: Listing, trade: Aggregate, now_ms: int) -> Frame:
    frame: Frame = {
        "e": "aggTrade",
        "E": now_ms,
        "s": listing.symbol,
        "a": trade.aggregate_id,
        "p": listing.tick.text(trade.price),
        "q": listing.lot.text(trade.lots),
        "f": trade.first_id,
        "l": trade.last_id,
        "T": now_ms - 1,
        "m": trade.buyer_is_maker,
    }
    if listing.market is MarketKind.SPOT:
        return frame | {"M": True}
    return frame | {"nq": listing.lot.text(trade.lots - trade.hidden_lots), "st": 1}


def _ticker(listing: Listing, top: Top, now_ms: int) -> Frame:
    best = {
        "b": listing.tick.text(top.bid),
        "B": listing.lot.text(top.bid_lots),
        "a": listing.tick.text(top.ask),
        "A": listing.lot.text(top.ask_lots),
    }
    if listing.market is MarketKind.SPOT:
        return {"u": top.update_id, "s": listing.symbol, **best}
    head = {"e": "bookTicker", "u": top.update_id, "s": listing.symbol, "ps": listing.symbol}
    return {**head, **best, "T": now_ms - 1, "E": now_ms, "st": 1}


def _depth(listing: Listing, update: DepthUpdate, now_ms: int) -> Frame:
    levels = {"b": texts(listing, update.bids), "a": texts(listing, update.asks)}
    head: Frame = {"e": "depthUpdate", "E": now_ms}
    ids: Frame = {"s": listing.symbol, "U": update.first_id, "u": update.last_id}
    if listing.market is MarketKind.SPOT:
        return {**head, **ids, **levels}
    return {**head, "T": now_ms - 1, **ids, "pu": update.previous_id, **levels, "ps": listing.symbol, "st": 1}


def snapshot(
    listing: Listing, update_id: int, bids: list[tuple[int, int]], asks: list[tuple[int, int]], now_ms: int
) -> Frame:
    """Render a REST depth snapshot."""
    frame: Frame = {"lastUpdateId": update_id}
    if listing.market is MarketKind.USDM:
        frame |= {"E": now_ms, "T": now_ms - 1}
    return frame | {"bids": texts(listing, bids), "asks": texts(listing, asks)}


def texts(listing: Listing, levels: list[tuple[int, int]]) -> list[tuple[str, str]]:
    """Render levels as pairs of decimal text."""
    price, quantity = listing.tick.text, listing.lot.text
    return [(price(level), quantity(lots)) for level, lots in levels]


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
    if listing.market is MarketKind.USDM:
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
