"""The events that travel from a venue to a row. Facts: never changed after they were made.

Times named ``_us`` are UTC microseconds of the exchange's clock, ``_ns`` nanoseconds of ours. Numbers are the
exchange's own decimal text. `instruments.Instrument` says what an event is about; it travels once per envelope.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Generic, TypeVar

import msgspec

from marketprism.contract.instruments import Exchange, Market, Source


class Side(StrEnum):
    """The aggressor's side of a trade."""

    BUY = "buy"
    SELL = "sell"


class TradeIdKind(StrEnum):
    """What a trade id counts: single fills, or fills of one taker order at one price."""

    FILL = "fill"
    AGGREGATE = "aggregate"


class Trade(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One trade.

    Attributes:
        trade_id: The exchange's id, contiguous per instrument and kind.
        first_fill_id: First fill that an aggregate covers; the trade id itself for a fill.
        last_fill_id: Last fill, likewise.
        price: Quote currency for one unit of base.
        quantity: Base currency.
        timestamp_us: When the exchange says the trade happened.
        event_us: When the exchange says it sent the message.
        receive_ns: When the frame reached us.
    """

    id_kind: TradeIdKind
    trade_id: int
    first_fill_id: int
    last_fill_id: int
    price: str
    quantity: str
    side: Side
    timestamp_us: int
    event_us: int
    receive_ns: int


class SnapshotReason(StrEnum):
    """Why a book snapshot was published."""

    INTERVAL = "interval"
    RESYNC = "resync"


class BookSnapshot(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """The best levels of a synchronised order book.

    Attributes:
        update_id: The exchange's id of the last change contained.
        timestamp_us: The exchange's time of that change.
        receive_ns: When that change reached us.
        bids: Price and quantity in base currency, best (highest) first.
        asks: Likewise, best (lowest) first.
    """

    update_id: int
    timestamp_us: int
    receive_ns: int
    reason: SnapshotReason
    bids: list[tuple[str, str]]
    asks: list[tuple[str, str]]


Event = Trade | BookSnapshot
E_co = TypeVar("E_co", bound=Trade | BookSnapshot, covariant=True)


class Envelope(msgspec.Struct, Generic[E_co], frozen=True, kw_only=True):
    """One NATS message: one to many events of one data type and one instrument.

    Attributes:
        type: Name of the data type in `catalog.DATA_TYPES`.
        instrument: The exchange's own name of the instrument.
    """

    type: str
    source: Source
    exchange: Exchange
    market: Market
    symbol: str
    instrument: str
    events: Sequence[E_co]
