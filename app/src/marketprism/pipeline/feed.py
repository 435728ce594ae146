"""From one venue's frames to events: what the live collector, replay, tests and benchmarks share.

Pure: no sockets and no clock. The shell passes frames and times, fetches and sends what is asked for, and publishes
what comes out.
"""

from collections.abc import Iterable
from typing import assert_never

from marketprism.contract.books import BookDelta, BookImage, BookTop
from marketprism.contract.events import Trade
from marketprism.contract.instruments import Instrument
from marketprism.pipeline.books import BookFeed
from marketprism.pipeline.outputs import FeedCounters, Output
from marketprism.pipeline.polls import Schedule
from marketprism.pipeline.trades import TradeFeed
from marketprism.venues.protocol import (
    SECOND_NS,
    Connection,
    Notice,
    Observed,
    Purpose,
    Refusal,
    RestRequest,
    Send,
    Venue,
    VenueEvent,
)

LOOK_NS = 10_000_000
"""Least time between two looks for what is due while frames come: with hundreds of instruments a look costs more than
a frame."""


class Feed:
    """All instruments of one venue.

    Args:
        venue: The adapter.
        book_depth: Levels a side in a published snapshot.
        book_interval_ns: Time between published snapshots of one book.
        book_changes: Publish every change of a synchronised book as well.
    """

    def __init__(
        self, venue: Venue, *, book_depth: int = 100, book_interval_ns: int = SECOND_NS, book_changes: bool = False
    ) -> None:
        self._venue = venue
        self.counters = FeedCounters()
        self._trades = {name: TradeFeed(venue, each, self.counters) for name, each in venue.instruments().items()}
        self._books = {
            name: BookFeed(
                venue,
                instrument,
                self.counters,
                depth=book_depth,
                interval_ns=book_interval_ns,
                changes=book_changes,
            )
            for name, instrument in venue.instruments().items()
        }
        self._schedule = Schedule(venue.polls())
        self._look_at_ns = 0

    def feed(self, frame: bytes, receive_ns: int) -> list[Output]:
        """Take one WebSocket frame."""
        due = self.due(receive_ns) if receive_ns >= self._look_at_ns else None
        outputs = self.take(self.understand(frame, receive_ns))
        return due + outputs if due else outputs

    def understand(self, frame: bytes, receive_ns: int) -> list[VenueEvent]:
        """Read one WebSocket frame, for `take`; in between, what a second connection brings can wait for the first."""
        self.counters.frames += 1
        return self._venue.feed(frame, receive_ns)

    def answer(self, request: RestRequest, body: bytes, receive_ns: int) -> list[Output]:
        """Take the answer to a request."""
        events = self._venue.read(request, body, receive_ns)
        if request.purpose is Purpose.HEAL:
            return self._healed(request, events, receive_ns) + self.due(receive_ns)
        unusable = any(isinstance(event, Refusal) for event in events)
        if request.purpose is Purpose.POLL and not unusable:
            self._schedule.answered(request, receive_ns)
        elif unusable:
            self.failed(request, receive_ns)
        return self.take(events) + self.due(receive_ns)

    def failed(self, request: RestRequest, now_ns: int) -> None:
        """Note that a request was not answered; it is given out again when its time comes."""
        match request.purpose:
            case Purpose.BOOK:
                assert request.instrument is not None, "a book is somebody's"
                self._books[request.instrument.name].failed(now_ns)
            case Purpose.REFRESH:
                assert request.instrument is not None, "a book is somebody's"
                self._books[request.instrument.name].sync.expect_no_image()
            case Purpose.HEAL:
                self._trades_of(request).failed(request, now_ns)
            case Purpose.POLL:
                self._schedule.failed(request, now_ns)
            case Purpose.LISTING | Purpose.HISTORY:
                raise AssertionError("a feed asks for neither listings nor the past")
            case _:
                assert_never(request.purpose)

    def disconnected(self, connection: Connection) -> None:
        """Forget the books of a connection that broke."""
        for name in connection.books:
            self._books[name].disconnected()

    def due(self, now_ns: int) -> list[Output]:
        """Return what time alone makes due."""
        self._look_at_ns = now_ns + LOOK_NS
        outputs: list[Output] = [*self._schedule.due(now_ns)]
        for book in self._books.values():
            outputs += book.due(now_ns)
        for trades in self._trades.values():
            outputs += trades.due(now_ns)
        return outputs

    def book_states(self) -> dict[Instrument, str]:
        """Return the state of every book."""
        return {book.instrument: book.sync.state.value for book in self._books.values()}

    def take(self, events: Iterable[VenueEvent]) -> list[Output]:
        """Take what a frame holds; what time alone makes due is left to `due`."""
        outputs: list[Output] = []
        for event in events:
            match event:
                case Observed():
                    outputs += self._observed(event)
                case BookDelta():
                    outputs += self._books[event.instrument.name].delta(event)
                case BookImage():
                    outputs += self._books[event.instrument.name].image(event)
                case BookTop():
                    self._books[event.instrument.name].top(event)
                case Refusal():
                    outputs.append(self.counters.refuse(event))
                case Notice() | Send():
                    outputs.append(event)
                case _:
                    assert_never(event)
        return outputs

    def _healed(self, request: RestRequest, events: list[VenueEvent], receive_ns: int) -> list[Output]:
        """Fill a hole with the trades that an answer brought; what came with them, such as liquidations, goes along."""
        trades, others = [], []
        for event in events:
            if isinstance(event, Observed) and isinstance(event.event, Trade):
                trades.append(event.event)
            else:
                others.append(event)
        return self._trades_of(request).answer(request, trades, receive_ns) + self.take(others)

    def _observed(self, seen: Observed) -> list[Output]:
        if isinstance(seen.event, Trade):
            return self._trades[seen.instrument.name].trade(seen.event)
        return [self.counters.record(seen.data_type, seen.instrument, seen.event)]

    def _trades_of(self, request: RestRequest) -> TradeFeed:
        assert request.instrument is not None, "trades are somebody's"
        return self._trades[request.instrument.name]
