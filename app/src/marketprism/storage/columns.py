"""Decoded envelopes and their place in the stream -> column arrays. Pure.

A value that its column cannot hold exactly is refused here, so that the server never has to.
"""

from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import chain, repeat
from operator import attrgetter, sub
from typing import Any

from marketprism.contract.catalog import DATA_TYPES, ORIGIN
from marketprism.contract.events import BookChange, BookSnapshot, Envelope, Event
from marketprism.contract.numbers import require_decimals, to_int64
from marketprism.contract.tables import TABLES, Column, Table
from marketprism.errors import ContractError

_OF_ENVELOPE = frozenset({*ORIGIN, "instrument", "contract_size", "contract_unit"})
_ITEM_LIMIT = 2**16
_ARRAY_CODES = {"UInt8": "B", "UInt16": "H", "UInt32": "I", "UInt64": "Q"}
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

    def extend(self, envelopes: Sequence[Envelope[Event]], epoch: int, sequences: Sequence[int]) -> None:
        """Add the events of messages, all or none.

        Args:
            envelopes: Of this data type, at least one.
            epoch: See `wire.stream_epoch`.
            sequences: The messages' sequences in their stream.

        Raises:
            ContractError: A value cannot be stored exactly; nothing was added.
        """
        counts = [len(envelope.events) for envelope in envelopes]
        if max(counts) > _ITEM_LIMIT:
            raise ContractError(f"envelope of {max(counts)} events", remedy=f"send at most {_ITEM_LIMIT}; {_REFUSED}")
        added = _values(self.data_type, list(chain.from_iterable(envelope.events for envelope in envelopes)))
        for name in _OF_ENVELOPE & self.columns.keys():
            # Plain text: a member of an enum runs Python code whenever it is looked up in a dict.
            added[name] = _repeated([str(getattr(envelope, name)) for envelope in envelopes], counts)
        if "contract_size" in added:
            require_decimals("contract_size", added["contract_size"])
        added["stream_epoch"] = [epoch] * len(added["timestamp"])
        added["stream_seq"] = _repeated(sequences, counts)
        added["item"] = list(chain.from_iterable(map(range, counts)))
        for name, values in added.items():
            self.columns[name] += values

    def messages(self) -> Iterator[slice]:
        """Yield where the rows of each message are, which share their origin."""
        sequences = self.columns["stream_seq"]
        start = 0
        while start < len(sequences):
            stop = start + 1
            if stop < len(sequences) and sequences[stop] == sequences[start]:
                stop = bisect_right(sequences, sequences[start], lo=stop)
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


def _repeated(values: Sequence[Any], counts: Sequence[int]) -> list[Any]:
    """Return each value of a message once for each of its events."""
    return list(chain.from_iterable(map(repeat, values, counts)))


def _values(data_type: str, events: Sequence[Event]) -> dict[str, list[Any]]:
    """Return the values of the columns that the events fill, by name."""
    timestamps = _times([event.timestamp_us for event in events])
    values: dict[str, list[Any]] = {"timestamp": timestamps}
    columns = _own(data_type)
    if any(column.name == "price_scale" for column, _ in columns):
        values |= _book_values(events)
    for column, get in columns:
        if column.name not in values:
            values[column.name] = _checked(column, list(map(get, events)), timestamps)
    return values


@cache
def _own(data_type: str) -> tuple[tuple[Column, Callable[[Event], Any]], ...]:
    """Return the columns that come from the event itself, and what reads them."""
    general = {*_OF_ENVELOPE, "timestamp", "stream_epoch", "stream_seq", "item"}
    inserted = TABLES[data_type].inserted
    return tuple((column, attrgetter(column.field or column.name)) for column in inserted if column.name not in general)


def _checked(column: Column, values: list[Any], timestamps: list[int]) -> list[Any]:
    """Refuse what the column cannot hold exactly; turn times into what it holds."""
    if "Decimal" in column.type:
        return _decimals(column, values)
    if column.name.endswith("_delay_us"):
        return list(map(sub, _times(_microseconds(column, values)), timestamps))
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


def _book_values(events: Sequence[Event]) -> dict[str, list[Any]]:
    books = [_levels(event) for event in events if isinstance(event, BookSnapshot | BookChange)]
    return {name: [levels[index] for levels in books] for index, name in enumerate(_LEVEL_COLUMNS)}


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
    split = len(book.bids)
    price_texts, quantity_texts = zip(*book.bids, *book.asks, strict=True) if split or book.asks else ((), ())
    prices, price_scale = to_int64("price", price_texts)
    quantities, quantity_scale = to_int64("quantity", quantity_texts)
    if quantities and min(quantities) < 0:
        raise ContractError("a level has a negative quantity", remedy=_REFUSED)
    return price_scale, quantity_scale, prices[:split], quantities[:split], prices[split:], quantities[split:]


def _times(times_us: list[int]) -> list[int]:
    if times_us and not (min(times_us) >= _EARLIEST_US and max(times_us) < _LATEST_US):
        raise ContractError(
            f"a time between {min(times_us)} and {max(times_us)} us is no time between 2000 and 2100", remedy=_REFUSED
        )
    return times_us


def _integers(column: Column, values: list[Any]) -> list[Any]:
    present = [value for value in values if value is not None] if None in values else values
    try:
        array(_ARRAY_CODES[column.type.removeprefix("Nullable(").removesuffix(")")], present)
    except OverflowError as error:
        reason = f"{column.name} between {min(present)} and {max(present)} does not fit {column.type}"
        raise ContractError(reason, remedy=_REFUSED) from error
    return values
