"""Decoded envelopes and their place in the stream -> column arrays. Pure.

A value that its column cannot hold exactly is refused here, so that the server never has to.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from operator import attrgetter
from typing import Any

from marketprism.contract.catalog import DATA_TYPES
from marketprism.contract.events import BookChange, BookSnapshot, Envelope, Event
from marketprism.contract.instruments import require_symbol
from marketprism.contract.numbers import require_decimal, require_decimals, to_int64
from marketprism.contract.tables import TABLES, Column, Table
from marketprism.errors import ContractError

ORIGIN = ("source", "exchange", "market", "symbol")
"""Columns that say what an event is about; the first part of its identity."""

_ITEM_LIMIT = 2**16
_LIMITS = {f"UInt{bits}": 2**bits for bits in (8, 16, 32, 64)}
_EARLIEST_US = 946_684_800_000_000
_LATEST_US = 4_102_444_800_000_000
_REFUSED = "the message is laid aside in the dead letters"


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
            epoch: See `wire.stream_epoch`.
            sequence: The message's sequence in its stream.

        Raises:
            ContractError: A value cannot be stored exactly; nothing was added.
        """
        count = len(envelope.events)
        if count > _ITEM_LIMIT:
            raise ContractError(f"envelope of {count} events", remedy=f"send at most {_ITEM_LIMIT}; {_REFUSED}")
        require_symbol(envelope.symbol)
        values = _values(self.data_type, envelope)
        for name in (*ORIGIN, "instrument"):
            self.columns[name] += [getattr(envelope, name)] * count
        for name, column in values.items():
            self.columns[name] += column
        self.columns["stream_epoch"] += [epoch] * count
        self.columns["stream_seq"] += [sequence] * count
        self.columns["item"] += range(count)

    def messages(self) -> Iterator[slice]:
        """Yield where the rows of each message are, which share their origin."""
        sequences = self.columns["stream_seq"]
        start = 0
        while start < len(sequences):
            stop = bisect_right(sequences, sequences[start], lo=start)
            yield slice(start, stop)
            start = stop

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


def _values(data_type: str, envelope: Envelope[Event]) -> dict[str, list[Any]]:
    """Return the values of the columns that the events fill, by name."""
    events = envelope.events
    timestamps = _times([event.timestamp_us for event in events])
    values: dict[str, list[Any]] = {"timestamp": timestamps}
    columns = _own(data_type)
    if any(column.name == "price_scale" for column, _ in columns):
        values |= _book_values(events, envelope)
    for column, get in columns:
        if column.name not in values:
            values[column.name] = _checked(column, list(map(get, events)), timestamps)
    return values


@cache
def _own(data_type: str) -> tuple[tuple[Column, Callable[[Event], Any]], ...]:
    """Return the columns that come from the event itself, and what reads them."""
    general = {*ORIGIN, "instrument", "timestamp", "stream_epoch", "stream_seq", "item"}
    inserted = TABLES[data_type].inserted
    return tuple((column, attrgetter(column.field or column.name)) for column in inserted if column.name not in general)


def _checked(column: Column, values: list[Any], timestamps: list[int]) -> list[Any]:
    """Refuse what the column cannot hold exactly; turn times into what it holds."""
    if "Decimal" in column.type:
        return _decimals(column, values)
    if column.name.endswith("_delay_us"):
        return _delays(_microseconds(column, values), timestamps)
    if "DateTime64" in column.type:
        present = [time for time in _microseconds(column, values) if time is not None]
        _times(present)
        return _microseconds(column, values)
    if "UInt" in column.type:
        return _integers(column, values)
    return values


def _decimals(column: Column, texts: list[Any]) -> list[Any]:
    present = [text for text in texts if text is not None] if None in texts else texts
    require_decimals(column.name, present)
    if column.name in _NEVER_NEGATIVE:
        for text in present:
            if text[0] == "-":
                raise ContractError(f"{column.name} {text!r} is negative", remedy=_REFUSED)
    return texts


def _microseconds(column: Column, times: list[Any]) -> list[Any]:
    if column.field.endswith("_ns"):
        return [None if time is None else time // 1000 for time in times]
    return times


def _book_values(events: Sequence[Event], envelope: Envelope[Event]) -> dict[str, list[Any]]:
    sides = [_levels(event) for event in events if isinstance(event, BookSnapshot | BookChange)]
    values: dict[str, list[Any]] = {
        name: [levels[index] for levels in sides] for index, name in enumerate(_LEVEL_COLUMNS)
    }
    values["contract_size"] = [require_decimal("contract_size", envelope.contract_size)] * len(sides)
    values["contract_unit"] = [envelope.contract_unit] * len(sides)
    return values


_NEVER_NEGATIVE = frozenset({"quantity", "contracts", "ratio", "long_share", "short_share"})
_LEVEL_COLUMNS = (
    "price_scale",
    "quantity_scale",
    "bid_price_integers",
    "bid_quantity_integers",
    "ask_price_integers",
    "ask_quantity_integers",
)


def _levels(book: BookSnapshot | BookChange) -> tuple[int, int, list[int], list[int], list[int], list[int]]:
    levels = [*book.bids, *book.asks]
    split = len(book.bids)
    prices, price_scale = to_int64(require_decimals("price", [price for price, _ in levels]))
    quantities, quantity_scale = to_int64(require_decimals("quantity", [quantity for _, quantity in levels]))
    if quantities and min(quantities) < 0:
        raise ContractError("a level has a negative quantity", remedy=_REFUSED)
    return price_scale, quantity_scale, prices[:split], quantities[:split], prices[split:], quantities[split:]


def _times(times_us: list[int]) -> list[int]:
    if times_us and not (min(times_us) >= _EARLIEST_US and max(times_us) < _LATEST_US):
        raise ContractError(
            f"a time between {min(times_us)} and {max(times_us)} us is no time between 2000 and 2100", remedy=_REFUSED
        )
    return times_us


def _delays(times_us: list[int], timestamps_us: list[int]) -> list[int]:
    return [time - timestamp for time, timestamp in zip(_times(times_us), timestamps_us, strict=True)]


def _integers(column: Column, values: list[Any]) -> list[Any]:
    present = [value for value in values if value is not None] if None in values else values
    if present and not (
        min(present) >= 0 and max(present) < _LIMITS[column.type.removeprefix("Nullable(").removesuffix(")")]
    ):
        raise ContractError(
            f"{column.name} between {min(present)} and {max(present)} does not fit {column.type}", remedy=_REFUSED
        )
    return values
