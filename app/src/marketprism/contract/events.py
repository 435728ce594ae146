"""The events that travel from a venue to a row. Facts: never changed after they were made.

Times named ``_us`` are UTC microseconds of the exchange's clock, ``_ns`` nanoseconds of ours. Numbers are the
exchange's own decimal text. `instruments.Instrument` says what an event is about; it travels once per envelope.

``contracts`` is what a derivative's exchange counts, exactly as sent, and ``quantity`` the same in base currency. A
contract worth a fixed amount of quote currency has a base quantity that no decimal holds exactly: it is rounded to 18
decimals, and ``contracts`` stays the exact number. It is None where the exchange counts base currency itself.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Generic, TypeVar

import msgspec

from marketprism.contract.instruments import ContractUnit, Exchange, Market, Source


class Side(StrEnum):
    """The aggressor's side of a trade."""

    BUY = "buy"
    SELL = "sell"


class TradeIdKind(StrEnum):
    """What a trade id counts: single fills, or fills of one taker order at one price."""

    FILL = "fill"
    AGGREGATE = "aggregate"


class Trade(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """One trade.

    Attributes:
        trade_id: The exchange's id, contiguous per instrument and kind.
        first_fill_id: First fill that an aggregate covers; the trade id itself for a fill.
        last_fill_id: Last fill, likewise.
        price: Quote currency for one unit of base.
        quantity: Base currency.
        contracts: See the module.
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
    contracts: str | None = None


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


class BookChange(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One change of a synchronised order book; with the snapshot before it, it rebuilds any moment.

    Attributes:
        first_update_id: First update that the change covers, the same as the last where the exchange names one id.
        last_update_id: Last update.
        timestamp_us: The exchange's time of the change.
        bids: Price and new quantity in the instrument's unit; a quantity of zero deletes the level.
        asks: Likewise.
    """

    first_update_id: int
    last_update_id: int
    timestamp_us: int
    receive_ns: int
    bids: list[tuple[str, str]]
    asks: list[tuple[str, str]]


class FundingRate(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What holders of one side of a perpetual pay the other.

    Attributes:
        rate: Fraction of the position per interval; negative when shorts pay.
        funding_us: When this rate is settled; None where funding is continuous.
        interval_seconds: Time between two settlements; None where the exchange does not say it here.
        mark_price: Quote currency; None where the message has none.
        index_price: Likewise.
    """

    rate: str
    funding_us: int | None
    interval_seconds: int | None
    mark_price: str | None
    index_price: str | None
    timestamp_us: int
    receive_ns: int


class OpenInterest(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Open positions of one instrument, one side counted."""

    quantity: str
    contracts: str | None
    timestamp_us: int
    receive_ns: int


class Liquidation(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A position closed by force. Every exchange publishes a part of them only.

    Attributes:
        side: Side of the closing order: a sale closes a long.
        price: Average fill, or bankruptcy price where the exchange gives only that; see the venue contract.
        ordinal: Counts liquidations within one frame, so that equal ones stay apart.
    """

    side: Side
    price: str
    quantity: str
    contracts: str | None
    ordinal: int
    timestamp_us: int
    receive_ns: int


class LongShortRatio(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Long against short, of one bar.

    Attributes:
        period: Length of the bar as the exchange writes it: ``5m``.
        ratio: Long divided by short.
        long_share: Part of all, from 0 to 1, as sent; computed from the ratio where the exchange sends that alone.
        short_share: Likewise.
        timestamp_us: The bar's time as sent.
    """

    period: str
    ratio: str
    long_share: str
    short_share: str
    timestamp_us: int
    receive_ns: int


class VolatilityIndex(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """An index of expected volatility, annualised, in percent."""

    value: str
    timestamp_us: int
    receive_ns: int


NOBODY = "nobody"
"""Heals a hole that the venue no longer gives: it stays missing, and nobody asks for it again."""


class Gap(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A hole in what a venue sent: one event when it is found, one more when it is healed.

    Attributes:
        data_type: What is missing, such as ``trade``.
        after_id: Last id before the hole.
        before_id: First id after it.
        size: Ids missing; None where the exchange's ids do not tell.
        timestamp_us: The exchange's time of the first event after the hole.
        receive_ns: When that event reached us, which is when the hole was found.
        healed_by: ``""`` while it is open, else what filled it: ``rest``, ``backfill``, or ``snapshot`` for a book that
            starts anew; `NOBODY` where nothing will.
        healed_ns: When it was filled, or given up.
    """

    data_type: str
    after_id: int
    before_id: int
    size: int | None
    timestamp_us: int
    receive_ns: int
    healed_by: str = ""
    healed_ns: int | None = None


Event = (
    Trade
    | BookSnapshot
    | BookChange
    | FundingRate
    | OpenInterest
    | Liquidation
    | LongShortRatio
    | VolatilityIndex
    | Gap
)
E_co = TypeVar("E_co", bound=Event, covariant=True)


class Envelope(msgspec.Struct, Generic[E_co], frozen=True, kw_only=True, omit_defaults=True):
    """One NATS message: one to many events of one data type and one instrument.

    Attributes:
        type: Name of the data type in `catalog.DATA_TYPES`.
        instrument: The exchange's own name of the instrument.
        contract_size: See `instruments.Instrument`.
        contract_unit: Likewise.
    """

    type: str
    source: Source
    exchange: Exchange
    market: Market
    symbol: str
    instrument: str
    contract_size: str = "1"
    contract_unit: ContractUnit = ContractUnit.BASE
    events: Sequence[E_co]
