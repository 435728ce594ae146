"""Facts as the data of Deribit's channels and answers, field by field as documented.

https://docs.deribit.com/#subscriptions. Prices and amounts are JSON numbers.
"""

from typing import Any

import msgspec

from marketprism.sim.deribit.listings import DeribitListing
from marketprism.sim.deribit.numbers import number
from marketprism.sim.facts import FINE_DIGITS, RATE_DIGITS, DepthUpdate, Fill, Mark, OpenInterest, Top, Volatility

Data = dict[str, Any]
Levels = list[tuple[int, int]]

_RATE_SHOWN = 8
_TRADE_ID_AHEAD = 144_039_736
"""Trade ids count all instruments, so they are ahead of any instrument's own sequence."""

_NEVER_MS = 32_503_708_800_000


def trade(listing: DeribitListing, fill: Fill, mark: Mark | None, at_ms: int) -> Data:
    """Render a fill; one of a position that is closed by force says so."""
    index = mark.index if mark else fill.price * 10**FINE_DIGITS
    row = {
        "timestamp": at_ms,
        "price": listing.price_number(fill.price),
        "direction": "sell" if fill.buyer_is_maker else "buy",
        "index_price": listing.fine_number(index),
        "trade_id": str(fill.trade_id + _TRADE_ID_AHEAD),
        "instrument_name": listing.symbol,
        "trade_seq": fill.trade_id,
        "amount": listing.amount(fill.lots),
        "mark_price": listing.fine_number(mark.mark if mark else index),
        "tick_direction": 3 if fill.buyer_is_maker else 1,
        "starbase_match_id": str(at_ms * 10**5 + fill.trade_id % 10**5),
        "contracts": number(fill.lots),
        "starbase_timestamp": at_ms * 10**6,
    }
    return {**row, "liquidation": "T"} if fill.forced else row


def snapshot(listing: DeribitListing, change_id: int, bids: Levels, asks: Levels, now_ms: int) -> Data:
    """Render the whole book."""
    return {
        "timestamp": now_ms,
        "type": "snapshot",
        "change_id": change_id,
        "instrument_name": listing.symbol,
        "bids": [["new", listing.price_number(price), listing.amount(lots)] for price, lots in bids],
        "asks": [["new", listing.price_number(price), listing.amount(lots)] for price, lots in asks],
    }


def change(listing: DeribitListing, update: DepthUpdate, previous_id: int, now_ms: int) -> Data:
    """Render what changed in the book since the update `previous_id`."""
    return {
        "timestamp": now_ms,
        "type": "change",
        "change_id": update.last_id,
        "instrument_name": listing.symbol,
        "bids": _changes(listing, update.bids, update.new_bids),
        "asks": _changes(listing, update.asks, update.new_asks),
        "prev_change_id": previous_id,
    }


def shortened_book(listing: DeribitListing, data: Data, top: Top) -> Data:
    """Return what the truth log notes of a book: ids, the count of levels and the best ones."""
    kept = {key: value for key, value in data.items() if key not in {"bids", "asks"}}
    best = {
        "bid": [listing.price_number(top.bid), listing.amount(top.bid_lots)],
        "ask": [listing.price_number(top.ask), listing.amount(top.ask_lots)],
    }
    return {**kept, "levels": [len(data["bids"]), len(data["asks"])], **best}


def ticker(
    listing: DeribitListing, mark: Mark, interest: OpenInterest, top: Top, *, last_price: int, now_ms: int
) -> Data:
    """Render prices, funding and open interest of this moment; funding is continuous, in fractions of eight hours."""
    rate = mark.rate // 10 ** (RATE_DIGITS - _RATE_SHOWN)
    return {
        "timestamp": now_ms,
        "state": "open",
        "index_price": listing.fine_number(mark.index),
        "instrument_name": listing.symbol,
        "last_price": listing.price_number(last_price),
        "settlement_price": listing.fine_number(mark.settle),
        "open_interest": listing.amount(interest.lots),
        "mark_price": listing.fine_number(mark.mark),
        "current_funding": number(rate, _RATE_SHOWN),
        "estimated_delivery_price": listing.fine_number(mark.index),
        "funding_8h": number(rate * 4 // 5, _RATE_SHOWN),
        "best_ask_price": listing.price_number(top.ask),
        "best_bid_price": listing.price_number(top.bid),
        "best_ask_amount": listing.amount(top.ask_lots),
        "best_bid_amount": listing.amount(top.bid_lots),
    }


def volatility(index: str, value: Volatility, now_ms: int) -> Data:
    """Render the volatility index, in percent."""
    return {"volatility": number(value.hundredths, 2), "timestamp": now_ms, "index_name": index}


def instrument(listing: DeribitListing) -> Data:
    """Render the metadata of a perpetual."""
    return {
        "tick_size": listing.price_number(1),
        "tick_size_steps": [],
        "taker_commission": 0.0005,
        "state": "open",
        "settlement_period": "perpetual",
        "settlement_currency": listing.currency,
        "rfq": False,
        "quote_currency": listing.quote,
        "price_index": listing.index,
        "min_trade_amount": listing.amount(1),
        "max_leverage": 50,
        "maker_commission": 0,
        "kind": "future",
        "is_active": True,
        "instrument_type": "reversed" if listing.inverse else "linear",
        "instrument_name": listing.symbol,
        "future_type": "reversed" if listing.inverse else "linear",
        "expiration_timestamp": _NEVER_MS,
        "creation_timestamp": 1_534_167_754_000,
        "counter_currency": listing.quote,
        "contract_size": listing.amount(1),
        "base_currency": listing.base,
    }


def _changes(listing: DeribitListing, levels: Levels, new: frozenset[int]) -> list[list[str | msgspec.Raw]]:
    """Name what happened to each level; one that came and went since the update before was never told."""
    rows: list[list[str | msgspec.Raw]] = []
    for price, lots in levels:
        if lots:
            rows.append(["new" if price in new else "change", listing.price_number(price), listing.amount(lots)])
        elif price not in new:
            rows.append(["delete", listing.price_number(price), number(0)])
    return rows
