"""Order books: the ``books`` channel, 400 levels a side every 100 ms, the whole book first.

Source: www.okx.com/docs-v5/en, "Order book channel". Each change names the ``seqId`` of the one before it as
``prevSeqId``. Legal as well: a change without levels that repeats the id (a minute without change), and a ``seqId``
smaller than its ``prevSeqId`` (ids start anew after maintenance). ``seqId`` is the one id of a change, so it is the
first and the last. OKX sends a checksum of 0 since 2026-06, which says nothing.

Frames recorded before OKX numbered its books carry a checksum alone. It decides then, and each change is given its own
time as its id and that of the change before it as the previous one.
"""

from typing import Annotated

import msgspec
from msgspec import Meta, Struct, field

from marketprism.contract.books import BookDelta, BookImage
from marketprism.contract.instruments import Instrument
from marketprism.venues.levels import are_numbers
from marketprism.venues.okx.frames import Frame, Milliseconds
from marketprism.venues.protocol import Refusal, VenueEvent

_NONE_BEFORE = -1

SequenceId = Annotated[int, Meta(ge=0, le=2**63 - 1)]
PreviousId = Annotated[int, Meta(ge=_NONE_BEFORE, le=2**63 - 1)]


class _Level(Struct, array_like=True, gc=False):
    """A level; a deprecated zero and the number of orders follow."""

    price: str
    quantity: str


class _Book(Struct):
    bids: list[_Level]
    asks: list[_Level]
    time_ms: Milliseconds = field(name="ts")
    sequence_id: SequenceId | None = field(name="seqId", default=None)
    previous_id: PreviousId | None = field(name="prevSeqId", default=None)
    checksum: int = 0


_decode = msgspec.json.Decoder(list[_Book]).decode


class Books:
    """The channel of all instruments."""

    def __init__(self) -> None:
        self._unnumbered: dict[str, int] = {}

    def read(self, instrument: Instrument, frame: Frame, receive_ns: int) -> list[VenueEvent]:
        """Understand a message of the channel."""
        if frame.action not in {"snapshot", "update"}:
            return [Refusal("orderbook_malformed", f"action {frame.action[:60]!r}")]
        books = _decode(frame.data)
        return [self._read(instrument, book, receive_ns, whole=frame.action == "snapshot") for book in books]

    def _read(self, instrument: Instrument, book: _Book, receive_ns: int, *, whole: bool) -> VenueEvent:
        bids = [(level.price, level.quantity) for level in book.bids]
        asks = [(level.price, level.quantity) for level in book.asks]
        if not are_numbers(bids, asks):
            return Refusal("orderbook_number", f"{instrument} at {book.time_ms}")
        ids = self._ids(instrument, book)
        if ids is None:
            return Refusal("orderbook_unnumbered", f"{instrument}: {book.previous_id} before {book.sequence_id}")
        update_id, previous_id = ids
        timestamp_us, checksum = int(book.time_ms) * 1000, book.checksum or None
        if whole:
            return BookImage(instrument, update_id, receive_ns, bids, asks, timestamp_us, checksum)
        return BookDelta(instrument, update_id, update_id, previous_id, timestamp_us, receive_ns, bids, asks, checksum)

    def _ids(self, instrument: Instrument, book: _Book) -> tuple[int, int] | None:
        """Return the id of a book and of the one before it; None where neither ids nor a checksum prove anything."""
        if book.sequence_id is not None and book.previous_id is not None:
            return book.sequence_id, book.previous_id
        if book.sequence_id is not None or book.previous_id is not None or book.checksum == 0:
            return None
        before = self._unnumbered.get(instrument.name, _NONE_BEFORE)
        self._unnumbered[instrument.name] = int(book.time_ms)
        return int(book.time_ms), before
