"""Facts as the JSON of Binance's streams and REST answers, field by field as documented.

Spot: https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams
USD-M: https://developers.binance.com/docs/derivatives/usds-margined-futures/websocket-market-streams
"""

from collections.abc import Callable

import msgspec

from marketprism.sim.facts import Aggregate, DepthUpdate, Fill, Top
from marketprism.sim.instruments import Listing, MarketKind
from marketprism.sim.venue import Frame

encode = msgspec.json.Encoder().encode


def trade(listing: Listing, fill: Fill, now_ms: int) -> Frame:
    """Render a single fill of spot; the transaction is dated one millisecond before the event."""
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


def aggregate(listing: Listing, trade: Aggregate, now_ms: int) -> Frame:
    """Render the fills of one taker order at one price."""
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
    if listing.market is MarketKind.BINANCE_SPOT:
        return frame | {"M": True}
    return frame | {"nq": listing.lot.text(trade.lots - trade.hidden_lots), "st": 1}


def ticker(listing: Listing, top: Top, now_ms: int) -> Frame:
    """Render the best levels; the one of spot has neither event type nor time."""
    best = {
        "b": listing.tick.text(top.bid),
        "B": listing.lot.text(top.bid_lots),
        "a": listing.tick.text(top.ask),
        "A": listing.lot.text(top.ask_lots),
    }
    if listing.market is MarketKind.BINANCE_SPOT:
        return {"u": top.update_id, "s": listing.symbol, **best}
    head = {"e": "bookTicker", "u": top.update_id, "s": listing.symbol, "ps": listing.symbol}
    return {**head, **best, "T": now_ms - 1, "E": now_ms, "st": 1}


def depth(listing: Listing, update: DepthUpdate, now_ms: int) -> Frame:
    """Render the changes of one period."""
    levels = {"b": texts(listing, update.bids), "a": texts(listing, update.asks)}
    head: Frame = {"e": "depthUpdate", "E": now_ms}
    ids: Frame = {"s": listing.symbol, "U": update.first_id, "u": update.last_id}
    if listing.market is MarketKind.BINANCE_SPOT:
        return {**head, **ids, **levels}
    return {**head, "T": now_ms - 1, **ids, "pu": update.previous_id, **levels, "ps": listing.symbol, "st": 1}


def snapshot(
    listing: Listing, update_id: int, bids: list[tuple[int, int]], asks: list[tuple[int, int]], now_ms: int
) -> Frame:
    """Render a REST depth snapshot."""
    frame: Frame = {"lastUpdateId": update_id}
    if listing.market is MarketKind.BINANCE_USDM:
        frame |= {"E": now_ms, "T": now_ms - 1}
    return frame | {"bids": texts(listing, bids), "asks": texts(listing, asks)}


def shortened_depth(listing: Listing, update: DepthUpdate) -> Callable[[Frame], Frame]:
    """Return what the truth log notes of a depth update: ids, the count of levels and the top of the book after it."""

    def shorten(frame: Frame) -> Frame:
        top = ticker(listing, update.top, 0)
        kept = {key: value for key, value in frame.items() if key not in "ab"}
        levels = [len(update.bids), len(update.asks)]
        return {**kept, "levels": levels, "top": {key: top[key] for key in "bBaA"}}

    return shorten


def shortened_snapshot(frame: Frame) -> Frame:
    """Return what the truth log notes of a REST snapshot."""
    (bid, bid_size), (ask, ask_size) = frame["bids"][0], frame["asks"][0]
    top = {"b": bid, "B": bid_size, "a": ask, "A": ask_size}
    return {"u": frame["lastUpdateId"], "levels": [len(frame["bids"]), len(frame["asks"])], "top": top}


def texts(listing: Listing, levels: list[tuple[int, int]]) -> list[tuple[str, str]]:
    """Render levels as pairs of decimal text."""
    price, quantity = listing.tick.text, listing.lot.text
    return [(price(level), quantity(lots)) for level, lots in levels]
