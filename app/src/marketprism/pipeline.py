"""From one venue's frames to events: what the live collector, replay, tests and benchmarks share.

Pure: no sockets and no clock. The shell passes frames and times, fetches what is asked for, publishes what comes out.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import assert_never

from marketprism.book.continuity import Place, TradeContinuity
from marketprism.book.sync import Applied, BookSync, Broken, SnapshotNeeded, Step, SyncState
from marketprism.book.witness import BookChecks, Witness
from marketprism.contract.books import BookDelta, BookTop
from marketprism.contract.events import BookSnapshot, Event, SnapshotReason
from marketprism.contract.instruments import Instrument
from marketprism.venues.protocol import Connection, Notice, Refusal, SnapshotRequest, TradeSeen, Venue

SNAPSHOT_RETRY_NS = 5_000_000_000
"""Wait after a snapshot request that failed; the weight budget of the REST client comes on top."""


@dataclass(frozen=True, slots=True)
class Record:
    """One event to publish."""

    data_type: str
    instrument: Instrument
    event: Event


@dataclass(frozen=True, slots=True)
class Gap:
    """A hole in a sequence: everything between the two ids was lost; `size` where ids are contiguous."""

    data_type: str
    instrument: Instrument
    after_id: int
    before_id: int
    size: int | None


Output = Record | Gap | SnapshotRequest | Refusal | Notice


@dataclass(slots=True)
class FeedCounters:
    """What went through a feed. `frames` counts WebSocket frames, the rest events."""

    frames: int = 0
    events: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    gaps: int = 0
    resyncs: int = 0
    book_checks: BookChecks = field(default_factory=BookChecks)


@dataclass(slots=True)
class _Book:
    instrument: Instrument
    witness: Witness
    sync: BookSync = field(default_factory=BookSync)
    last_delta: BookDelta | None = None
    published_id: int | None = None
    publish_at_ns: int = 0
    reason: SnapshotReason = SnapshotReason.RESYNC
    retry_at_ns: int | None = None


class Feed:
    """All instruments of one venue.

    Args:
        venue: The adapter.
        book_depth: Levels a side in a published snapshot.
        book_interval_ns: Time between published snapshots of one book.
    """

    def __init__(self, venue: Venue, *, book_depth: int = 100, book_interval_ns: int = 1_000_000_000) -> None:
        self._venue = venue
        self._depth = book_depth
        self._interval_ns = book_interval_ns
        self.counters = FeedCounters()
        self._trades = {name: TradeContinuity() for name in venue.instruments()}
        self._books = {
            name: _Book(instrument, Witness(self.counters.book_checks))
            for name, instrument in venue.instruments().items()
        }

    def feed(self, frame: bytes, receive_ns: int) -> list[Output]:
        """Take one WebSocket frame."""
        self.counters.frames += 1
        outputs = self.due(receive_ns)
        for event in self._venue.feed(frame, receive_ns):
            match event:
                case TradeSeen():
                    outputs += self._trade(event)
                case BookDelta():
                    book = self._books[event.instrument.name]
                    outputs += self._steps(book, book.sync.feed_delta(event))
                case BookTop():
                    self._top(event)
                case Refusal():
                    outputs.append(self._refuse(event))
                case Notice():
                    outputs.append(event)
                case _:
                    assert_never(event)
        return outputs

    def feed_snapshot(self, instrument: Instrument, body: bytes, receive_ns: int) -> list[Output]:
        """Take the answer to a `SnapshotRequest`."""
        image = self._venue.read_snapshot(instrument, body)
        if isinstance(image, Refusal):
            self.snapshot_failed(instrument, receive_ns)
            return [self._refuse(image)]
        book = self._books[instrument.name]
        book.retry_at_ns = None
        return self._steps(book, book.sync.feed_image(image)) + self.due(receive_ns)

    def snapshot_failed(self, instrument: Instrument, now_ns: int) -> None:
        """Ask again after a delay: the request was not answered."""
        self._books[instrument.name].retry_at_ns = now_ns + SNAPSHOT_RETRY_NS

    def disconnected(self, connection: Connection) -> None:
        """Forget the books of a connection that broke: what happened meanwhile is unknown."""
        for book in self._books.values():
            if book.instrument.symbol in connection.book_symbols:
                book.sync.reset()
                book.retry_at_ns = None

    def due(self, now_ns: int) -> list[Output]:
        """Return what time alone makes due: snapshots to publish, requests to repeat."""
        outputs: list[Output] = []
        for book in self._books.values():
            if book.sync.state is SyncState.LIVE:
                if now_ns >= book.publish_at_ns and book.sync.last_id != book.published_id:
                    outputs += self._publish(book, now_ns)
            elif book.retry_at_ns is not None and now_ns >= book.retry_at_ns:
                book.retry_at_ns = None
                outputs.append(self._venue.snapshot_request(book.instrument))
        return outputs

    def book_states(self) -> dict[str, str]:
        """Return the state of every book by canonical symbol."""
        return {book.instrument.symbol: book.sync.state.value for book in self._books.values()}

    def _trade(self, seen: TradeSeen) -> list[Output]:
        place, hole = self._trades[seen.instrument.name].place(seen.trade.trade_id)
        if place is Place.REPEATED:
            return [self._refuse(Refusal("trade_repeated", f"{seen.instrument} {seen.trade.trade_id}"))]
        outputs: list[Output] = []
        if hole is not None:
            self.counters.gaps += 1
            size = hole.last - hole.first + 1
            outputs.append(Gap("trade", seen.instrument, hole.first - 1, hole.last + 1, size))
        outputs.append(self._record("trade", seen.instrument, seen.trade))
        return outputs

    def _top(self, top: BookTop) -> None:
        book = self._books[top.instrument.name]
        book_id = book.sync.last_id if book.sync.state is SyncState.LIVE else None
        book.witness.feed_top(top, book_id, book.sync.levels)

    def _steps(self, book: _Book, steps: list[Step]) -> list[Output]:
        outputs: list[Output] = []
        for step in steps:
            match step:
                case Applied(delta):
                    book.last_delta = delta
                    book.witness.applied(delta.last_id, book.sync.levels)
                case Broken(after_id, before_id):
                    self.counters.gaps += 1
                    outputs.append(Gap("orderbook", book.instrument, after_id, before_id, None))
                case SnapshotNeeded():
                    self.counters.resyncs += 1
                    book.reason, book.publish_at_ns = SnapshotReason.RESYNC, 0
                    outputs.append(self._venue.snapshot_request(book.instrument))
                case _:
                    assert_never(step)
        return outputs

    def _publish(self, book: _Book, now_ns: int) -> list[Output]:
        delta = book.last_delta
        if delta is None or book.sync.levels.is_crossed:
            return []
        book.publish_at_ns = now_ns - now_ns % self._interval_ns + self._interval_ns
        book.published_id = book.sync.last_id
        snapshot = BookSnapshot(
            update_id=book.sync.last_id,
            timestamp_us=delta.timestamp_us,
            receive_ns=delta.receive_ns,
            reason=book.reason,
            bids=book.sync.levels.bids.highest(self._depth),
            asks=book.sync.levels.asks.lowest(self._depth),
        )
        book.reason = SnapshotReason.INTERVAL
        return [self._record("orderbook", book.instrument, snapshot)]

    def _record(self, data_type: str, instrument: Instrument, event: Event) -> Record:
        self.counters.events[data_type] += 1
        return Record(data_type, instrument, event)

    def _refuse(self, refusal: Refusal) -> Refusal:
        self.counters.refused[refusal.reason] += 1
        return refusal
