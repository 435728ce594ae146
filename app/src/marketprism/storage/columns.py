"""Decoded envelopes and their place in the stream -> column arrays. Pure.

A value that its column cannot hold exactly is refused here, so that the server never has to.
"""

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from marketprism.contract.catalog import DATA_TYPES
from marketprism.contract.events import BookSnapshot, Envelope, Event, Trade
from marketprism.contract.instruments import require_symbol
from marketprism.contract.numbers import require_decimal, to_int64
from marketprism.contract.tables import TABLES, Table
from marketprism.errors import ContractError

ORIGIN = ("source", "exchange", "market", "symbol")
"""Columns that say what an event is about; the first part of its identity."""

_UINT64_LIMIT = 2**64
_ITEM_LIMIT = 2**16
_EARLIEST_US = 946_684_800_000_000
_LATEST_US = 4_102_444_800_000_000
_REFUSED = "the message is laid aside in the dead letters"


def stream_epoch(stream: str, created: str) -> int:
    """Number one life of a stream: after it was made anew, its sequence starts at 1 again.

    Args:
        stream: Name of the stream.
        created: Its creation time, as the server writes it.
    """
    return zlib.crc32(f"{stream} {created}".encode())


@dataclass(slots=True)
class Rows:
    """Rows of one table, column by column."""

    data_type: str
    columns: dict[str, list[Any]] = field(init=False)

    def __post_init__(self) -> None:
        self.columns = {column.name: [] for column in self.table.inserted}

    @property
    def table(self) -> Table:
        """The table's contract."""
        return TABLES[self.data_type]

    def __len__(self) -> int:
        return len(self.columns["stream_seq"])

    def append(self, envelope: Envelope[Event], epoch: int, sequence: int) -> None:
        """Add the events of one message, all or none.

        Args:
            envelope: Of this data type.
            epoch: See `stream_epoch`.
            sequence: The message's sequence in its stream.

        Raises:
            ContractError: A value cannot be stored exactly; nothing was added.
        """
        count = len(envelope.events)
        if count > _ITEM_LIMIT:
            raise ContractError(f"envelope of {count} events", remedy=f"send at most {_ITEM_LIMIT}; {_REFUSED}")
        require_symbol(envelope.symbol)
        values = _VALUES[self.data_type](envelope.events)
        for name in (*ORIGIN, "instrument"):
            self.columns[name] += [getattr(envelope, name)] * count
        for name, column in values.items():
            self.columns[name] += column
        self.columns["stream_epoch"] += [epoch] * count
        self.columns["stream_seq"] += [sequence] * count
        self.columns["item"] += range(count)

    def count_after(self, sequence: int) -> int:
        """Count the rows whose message comes after a sequence."""
        sequences = self.columns["stream_seq"]
        if not sequences or sequences[0] > sequence:
            return len(sequences)
        return sum(place > sequence for place in sequences)

    def split(self, sequence: int) -> tuple["Rows", "Rows"]:
        """Divide the rows into those before a message's and the rest."""
        sequences = self.columns["stream_seq"]
        return (
            self.select([index for index, place in enumerate(sequences) if place < sequence]),
            self.select([index for index, place in enumerate(sequences) if place >= sequence]),
        )

    def keys(self, names: Sequence[str]) -> list[tuple[Any, ...]]:
        """Return the values of some columns, row by row."""
        return list(zip(*(self.columns[name] for name in names), strict=True))

    def select(self, indices: Sequence[int]) -> "Rows":
        """Return some of the rows, in the given order; itself for all of them."""
        if len(indices) == len(self):
            return self
        selected = Rows(self.data_type)
        for name, column in self.columns.items():
            selected.columns[name] = [column[index] for index in indices]
        return selected


def identity(data_type: str) -> tuple[str, ...]:
    """Name the columns that make an event unique, its time included: probes look at a range of time only."""
    names = (*ORIGIN, *DATA_TYPES[data_type].identity)
    return names if "timestamp" in names else (*names, "timestamp")


def _trades(events: Sequence[Event]) -> dict[str, list[Any]]:
    trades = [event for event in events if isinstance(event, Trade)]
    for trade in trades:
        require_decimal("price", trade.price)
        require_decimal("quantity", trade.quantity)
        if trade.quantity[0] == "-":
            raise ContractError(f"quantity {trade.quantity!r} is negative", remedy=_REFUSED)
    timestamps = _times([trade.timestamp_us for trade in trades])
    return {
        "timestamp": timestamps,
        "event_delay_us": _delays([trade.event_us for trade in trades], timestamps),
        "receive_delay_us": _delays([trade.receive_ns // 1000 for trade in trades], timestamps),
        "id_kind": [trade.id_kind for trade in trades],
        "trade_id": _ids("trade_id", [trade.trade_id for trade in trades]),
        "first_fill_id": _ids("first_fill_id", [trade.first_fill_id for trade in trades]),
        "last_fill_id": _ids("last_fill_id", [trade.last_fill_id for trade in trades]),
        "price": [trade.price for trade in trades],
        "quantity": [trade.quantity for trade in trades],
        "side": [trade.side for trade in trades],
    }


def _books(events: Sequence[Event]) -> dict[str, list[Any]]:
    books = [event for event in events if isinstance(event, BookSnapshot)]
    timestamps = _times([book.timestamp_us for book in books])
    columns: dict[str, list[Any]] = {
        "timestamp": timestamps,
        "receive_delay_us": _delays([book.receive_ns // 1000 for book in books], timestamps),
        "update_id": _ids("update_id", [book.update_id for book in books]),
        "reason": [book.reason for book in books],
    }
    sides = [_levels(book) for book in books]
    for index, name in enumerate(_LEVEL_COLUMNS):
        columns[name] = [levels[index] for levels in sides]
    return columns


_LEVEL_COLUMNS = (
    "price_scale",
    "quantity_scale",
    "bid_price_integers",
    "bid_quantity_integers",
    "ask_price_integers",
    "ask_quantity_integers",
)


def _levels(book: BookSnapshot) -> tuple[int, int, list[int], list[int], list[int], list[int]]:
    levels = [*book.bids, *book.asks]
    split = len(book.bids)
    prices, price_scale = to_int64([require_decimal("price", price) for price, _ in levels])
    quantities, quantity_scale = to_int64([require_decimal("quantity", quantity) for _, quantity in levels])
    if quantities and min(quantities) < 0:
        raise ContractError("a level has a negative quantity", remedy=_REFUSED)
    return price_scale, quantity_scale, prices[:split], quantities[:split], prices[split:], quantities[split:]


_VALUES: dict[str, Callable[[Sequence[Event]], dict[str, list[Any]]]] = {"trade": _trades, "orderbook": _books}


def _times(times_us: list[int]) -> list[int]:
    if times_us and not (min(times_us) >= _EARLIEST_US and max(times_us) < _LATEST_US):
        raise ContractError(
            f"a time between {min(times_us)} and {max(times_us)} us is no time between 2000 and 2100", remedy=_REFUSED
        )
    return times_us


def _delays(times_us: list[int], timestamps_us: list[int]) -> list[int]:
    return [time - timestamp for time, timestamp in zip(_times(times_us), timestamps_us, strict=True)]


def _ids(name: str, ids: list[int]) -> list[int]:
    if ids and not (min(ids) >= 0 and max(ids) < _UINT64_LIMIT):
        raise ContractError(f"{name} between {min(ids)} and {max(ids)} is no 64-bit id", remedy=_REFUSED)
    return ids
