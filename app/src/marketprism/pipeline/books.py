"""One instrument's order book: kept in step with the stream, published while it is, and its holes told."""

from dataclasses import replace
from typing import assert_never

import msgspec

from marketprism.book.levels import Level
from marketprism.book.sync import Applied, BookSync, Broken, Loaded, SnapshotNeeded, Step, SyncState
from marketprism.book.witness import Witness
from marketprism.contract.books import BookDelta, BookImage, BookTop
from marketprism.contract.events import BookChange, BookSnapshot, Gap, SnapshotReason
from marketprism.contract.instruments import Instrument
from marketprism.pipeline.outputs import FeedCounters, Output
from marketprism.pipeline.waits import Wait
from marketprism.venues.protocol import SECOND_NS, Purpose, RestRequest, Venue

RETRY_NS = 5 * SECOND_NS
"""Wait before a whole book is asked for again; the weight budget of the REST client comes on top."""
IN_BAND_RETRY_NS = 15 * SECOND_NS
"""Least time between two such wishes in the stream, each of two messages: OKX takes 480 an hour on a connection, and a
book whose every image is wrong must not use up what the others need."""
CROSSED_NS = 60 * SECOND_NS
"""A book whose best bid reaches its best ask for so long is wrong, though no change is missing; it starts over."""
REFRESH_NS = 60 * SECOND_NS
"""Least time between two images of a live book; the weight budget of the REST client comes on top."""
REFRESH_AHEAD = 2
"""A new image is asked for before the published levels reach the edge of the last: at half of the way."""


class BookFeed:
    """The book of one instrument.

    Args:
        venue: Knows how a whole book is asked for.
        instrument: Whose book it is.
        counters: Shared by the feed.
        depth: Levels a side in a published snapshot.
        interval_ns: Time between published snapshots.
        changes: Publish every change of the synchronised book as well.
    """

    def __init__(
        self,
        venue: Venue,
        instrument: Instrument,
        counters: FeedCounters,
        *,
        depth: int,
        interval_ns: int,
        changes: bool,
    ) -> None:
        self.instrument = instrument
        self.sync = BookSync(in_band=venue.books_in_band)
        self._venue = venue
        self._counters = counters
        self._witness = Witness(counters.book_checks)
        self._depth, self._interval_ns = depth, interval_ns
        self._changes = changes
        self._as_of: tuple[int, int] | None = None
        self._published_id: int | None = None
        self._pause = self._refresh = Wait()
        self._crossed: Wait | None = None
        self._reason = SnapshotReason.RESYNC
        self._asked: Wait | None = None
        self._hole_after: int | None = None
        self._hole: Gap | None = None

    def delta(self, delta: BookDelta) -> list[Output]:
        """Take the next change; one that comes before any image, with none asked for, means that the image was lost."""
        if self._venue.books_in_band and self.sync.state is SyncState.BUFFERING and self._asked is None:
            return self._steps([SnapshotNeeded("image_missing")], delta.receive_ns)
        return self._steps(self.sync.feed_delta(delta), delta.receive_ns)

    def image(self, image: BookImage) -> list[Output]:
        """Take a whole book; one of the stream that is ahead of a live book hides what happened in between."""
        if not self._venue.books_in_band:
            self._asked = None
        elif self.sync.state is SyncState.LIVE and image.update_id >= self.sync.last_id:
            self._hole_after = self.sync.last_id
        return self._steps(self.sync.feed_image(image), image.receive_ns)

    def top(self, top: BookTop) -> None:
        """Take the exchange's own best bid and ask, the book's witness."""
        book_id = self.sync.last_id if self.sync.state is SyncState.LIVE else None
        self._witness.feed_top(top, book_id, self.sync.levels)

    def failed(self, now_ns: int) -> None:
        """Note that the whole book did not come; it is asked for again after a while."""
        self._asked = Wait(now_ns, RETRY_NS)

    def disconnected(self) -> None:
        """Forget the book: what happened while the connection was lost is unknown."""
        if self.sync.state is SyncState.LIVE and self._hole is None:
            self._hole_after = self.sync.last_id
        self.sync.reset()
        self._as_of, self._asked = None, None

    def due(self, now_ns: int) -> list[Output]:
        """Return what time alone makes due: a snapshot to publish, a request to repeat."""
        if self.sync.state is SyncState.LIVE:
            if not self._pause.left_ns(now_ns) and self.sync.last_id != self._published_id:
                return self._publish(now_ns)
        elif self._asked is not None and not self._asked.left_ns(now_ns):
            return self._ask(now_ns)
        return []

    def _steps(self, steps: list[Step], now_ns: int) -> list[Output]:
        outputs: list[Output] = []
        for step in steps:
            match step:
                case Applied(delta):
                    outputs += self._applied(delta)
                case Loaded(image):
                    assert image.timestamp_us is not None, "an image of the stream has the exchange's time"
                    if image.update_id == self._hole_after:
                        self._hole_after = None  # nothing changed while the connection was lost
                    outputs += self._live(image.update_id, image.timestamp_us, image.receive_ns)
                case Broken(after_id, delta):
                    self._as_of = None
                    outputs += self._tell(after_id, delta.first_id, delta.timestamp_us, delta.receive_ns)
                case SnapshotNeeded():
                    self._counters.resyncs += 1
                    self._reason, self._pause = SnapshotReason.RESYNC, Wait()
                    outputs += self._ask(now_ns)
                case _:
                    assert_never(step)
        return outputs

    def _applied(self, delta: BookDelta) -> list[Output]:
        if self._hole_after in (delta.first_id - 1, delta.prev_id):
            self._hole_after = None  # the change continues the book that was lost
        outputs = self._live(delta.first_id, delta.timestamp_us, delta.receive_ns)
        self._witness.applied(delta.last_id, self.sync.levels)
        if self._changes:
            change = BookChange(
                first_update_id=delta.first_id,
                last_update_id=delta.last_id,
                timestamp_us=delta.timestamp_us,
                receive_ns=delta.receive_ns,
                bids=delta.bids,
                asks=delta.asks,
            )
            outputs.append(self._counters.record("orderbook_delta", self.instrument, change))
        return outputs

    def _live(self, first_id: int, timestamp_us: int, receive_ns: int) -> list[Output]:
        """Note the time of the book's newest change; the first one after a hole ends that hole."""
        outputs: list[Output] = []
        self._as_of = (timestamp_us, receive_ns)
        if self._hole_after is not None:
            outputs += self._tell(self._hole_after, first_id, timestamp_us, receive_ns)
            self._hole_after = None
        if self._hole is not None:
            healed_ns = max(receive_ns, self._hole.receive_ns)  # the image may have been held back since before
            healed = msgspec.structs.replace(self._hole, healed_by="snapshot", healed_ns=healed_ns)
            outputs.append(self._counters.record("gap", self.instrument, healed))
            self._hole = None
        return outputs

    def _tell(self, after_id: int, before_id: int, timestamp_us: int, receive_ns: int) -> list[Output]:
        """Tell a hole, unless an earlier one is still open: that one goes on."""
        if self._hole is not None:
            return []
        self._hole = Gap(
            data_type="orderbook",
            after_id=after_id,
            before_id=before_id,
            size=None,
            timestamp_us=timestamp_us,
            receive_ns=receive_ns,
        )
        return [self._counters.record("gap", self.instrument, self._hole)]

    def _ask(self, now_ns: int) -> list[Output]:
        if not self._venue.books_in_band:
            self._asked = None  # `failed` tells when the wait for the next one begins
        elif self._asked is not None and self._asked.left_ns(now_ns):
            return []  # `due` asks when the time has come
        else:
            self._asked = Wait(now_ns, IN_BAND_RETRY_NS)
        return list(self._venue.book_request(self.instrument))

    def _publish(self, now_ns: int) -> list[Output]:
        if self._as_of is None:
            return []
        if self.sync.levels.is_crossed:
            return self._distrust(now_ns)
        self._crossed = None
        self._pause = Wait(now_ns - now_ns % self._interval_ns, self._interval_ns)
        self._published_id = self.sync.last_id
        timestamp_us, receive_ns = self._as_of
        bids, asks = self.sync.levels.bids.best(self._depth), self.sync.levels.asks.best(self._depth)
        snapshot = BookSnapshot(
            update_id=self.sync.last_id,
            timestamp_us=timestamp_us,
            receive_ns=receive_ns,
            reason=self._reason,
            bids=bids,
            asks=asks,
        )
        self._reason = SnapshotReason.INTERVAL
        return [self._counters.record("orderbook", self.instrument, snapshot), *self._look_ahead(bids, asks, now_ns)]

    def _distrust(self, now_ns: int) -> list[Output]:
        """Give a crossed book a while, then start over."""
        if self._crossed is None:
            self._crossed = Wait(now_ns, CROSSED_NS)
        if self._crossed.left_ns(now_ns):
            return []
        self._crossed = None
        self.disconnected()
        return self._steps([SnapshotNeeded("crossed")], now_ns)

    def _look_ahead(self, bids: list[Level], asks: list[Level], now_ns: int) -> list[Output]:
        """Ask for a new image where the book has moved to the edge of the last: what is beyond it is not known."""
        horizon = self.sync.horizon
        if horizon is None or horizon.covers(bids, asks, times=REFRESH_AHEAD):
            return []
        self._counters.uncertain += not horizon.covers(bids, asks)
        if self.sync.expects_image or self._refresh.left_ns(now_ns):
            return []
        self._refresh = Wait(now_ns, REFRESH_NS)
        self._counters.refreshes += 1
        self.sync.expect_image()
        wishes = self._venue.book_request(self.instrument)
        return [replace(each, purpose=Purpose.REFRESH) for each in wishes if isinstance(each, RestRequest)]
