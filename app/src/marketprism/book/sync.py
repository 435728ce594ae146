"""Keeping one book equal to the exchange's: buffer, bridge to a snapshot, follow, and start over after a hole.

The rules are those of "How to manage a local order book correctly" on developers.binance.com, with one correction:
a spot book bridges at ``U <= lastUpdateId + 1 <= u`` (the page's own wording is one short; recorded sessions begin with
``U == lastUpdateId + 1``). Where the venue names the previous id (futures' ``pu``), that link decides alone.

Other exchanges send the image in the stream itself, before its deltas: then the first delta continues the image, a link
that does not fit is always a hole, even with a smaller id (ids may start anew there), and only a new image helps; but
the last change once more, with both of its ids, is no hole.
"""

from collections import deque
from dataclasses import dataclass
from enum import StrEnum

from marketprism.book.horizon import Horizon
from marketprism.book.levels import Levels
from marketprism.contract.books import BookDelta, BookImage

MAX_HELD = 20_000
"""Deltas held while a snapshot is on its way: minutes of the busiest symbol. Older ones go; the bridge then fails."""


class SyncState(StrEnum):
    """Every state of a book; all transitions are in `BookSync`."""

    BUFFERING = "buffering"  # deltas are held until a snapshot comes
    BRIDGING = "bridging"  # the snapshot is loaded, the delta that continues it is awaited
    LIVE = "live"  # each delta continued the one before


@dataclass(frozen=True, slots=True)
class Applied:
    """A delta became part of the book."""

    delta: BookDelta


@dataclass(frozen=True, slots=True)
class Loaded:
    """An image from the stream became the book."""

    image: BookImage


@dataclass(frozen=True, slots=True)
class Broken:
    """The delta does not continue the book: changes were lost, or the levels differ from its checksum."""

    after_id: int
    delta: BookDelta


@dataclass(frozen=True, slots=True)
class SnapshotNeeded:
    """Only a (newer) snapshot helps."""

    reason: str


Step = Applied | Loaded | Broken | SnapshotNeeded


class BookSync:
    """The synchronisation of one book.

    Args:
        in_band: Images come in the stream.
    """

    __slots__ = ("_before_id", "_held", "_in_band", "_successor", "horizon", "last_id", "levels", "state")

    def __init__(self, *, in_band: bool = False) -> None:
        self._in_band = in_band
        self.reset()

    def reset(self) -> None:
        """Forget everything: the connection broke, or a delta was lost."""
        self.state = SyncState.BUFFERING
        self.levels = Levels()
        self.horizon: Horizon | None = None
        self._successor: BookSync | None = None
        self.last_id = 0
        self._before_id: int | None = None
        self._held: deque[BookDelta] = deque(maxlen=MAX_HELD)

    def feed_delta(self, delta: BookDelta) -> list[Step]:
        """Take the next change from the stream."""
        if self.state is SyncState.BUFFERING:
            return [] if self._in_band else self._hold(delta)
        if self.state is SyncState.BRIDGING:
            return self._bridge(delta)
        steps = self._follow(delta)
        if self._successor is not None:
            self._successor.feed_delta(delta)
            self._succeed(self._successor)
        return steps

    @property
    def expects_image(self) -> bool:
        """Whether a live book is to be replaced by a new image."""
        return self._successor is not None

    def expect_image(self) -> None:
        """Prepare a live book for a new image: it is bridged beside the book, and takes its place without a break."""
        self._successor = BookSync()

    def expect_no_image(self) -> None:
        """Note that the image does not come; the book goes on as it is."""
        self._successor = None

    def feed_image(self, image: BookImage) -> list[Step]:
        """Take a whole book. A live book ignores one from REST that it does not expect: following is exact."""
        if self._in_band:
            self.reset()
            self.levels = Levels(image.bids, image.asks)
            self.last_id = image.update_id
            self.state = SyncState.LIVE
            if _agrees(image.checksum, self.levels):
                return [Loaded(image)]
            self.reset()
            return [SnapshotNeeded("checksum_differs")]
        if self.state is SyncState.LIVE:
            if self._successor is not None:
                self._successor.feed_image(image)
                if self._successor.state is SyncState.BUFFERING:
                    self._successor = None  # the image is older than the first change that was held for it
                else:
                    self._succeed(self._successor)
            return []
        self.levels, self.horizon = Levels(image.bids, image.asks), Horizon(image)
        self.last_id = image.update_id
        self.state = SyncState.BRIDGING
        held, self._held = list(self._held), deque(maxlen=MAX_HELD)
        steps: list[Step] = []
        for delta in held:
            steps += self.feed_delta(delta)
        return steps

    def _succeed(self, successor: "BookSync") -> None:
        if successor.state is SyncState.LIVE and successor.last_id == self.last_id:
            self.levels, self.horizon, self._successor = successor.levels, successor.horizon, None

    def _hold(self, delta: BookDelta) -> list[Step]:
        self._held.append(delta)
        return [SnapshotNeeded("starting")] if len(self._held) == 1 else []

    def _bridge(self, delta: BookDelta) -> list[Step]:
        if _is_older(delta, self.last_id):
            return []
        if _bridges(delta, self.last_id):
            self.state = SyncState.LIVE
            return [self._apply(delta)]
        self._start_over(delta)
        return [SnapshotNeeded("snapshot_too_old")]

    def _follow(self, delta: BookDelta) -> list[Step]:
        if not self._in_band and delta.last_id <= self.last_id:
            return []
        continues = delta.first_id <= self.last_id + 1 if delta.prev_id is None else delta.prev_id == self.last_id
        after_id = self.last_id
        if not continues and self._repeats(delta):
            return []
        if continues:
            applied = self._apply(delta)
            if _agrees(delta.checksum, self.levels):
                return [applied]
        self._start_over(delta)
        return [Broken(after_id, delta), SnapshotNeeded("sequence_broken" if not continues else "checksum_differs")]

    def _apply(self, delta: BookDelta) -> Applied:
        self.levels.bids.apply(delta.bids)
        self.levels.asks.apply(delta.asks)
        self.last_id, self._before_id = delta.last_id, delta.prev_id
        return Applied(delta)

    def _repeats(self, delta: BookDelta) -> bool:
        """Tell whether a change is the last one, sent again."""
        return delta.prev_id is not None and (delta.prev_id, delta.last_id) == (self._before_id, self.last_id)

    def _start_over(self, delta: BookDelta) -> None:
        self.reset()
        if not self._in_band:
            self._held.append(delta)


def _is_older(delta: BookDelta, update_id: int) -> bool:
    return delta.last_id <= update_id if delta.prev_id is None else delta.last_id < update_id


def _bridges(delta: BookDelta, update_id: int) -> bool:
    if delta.prev_id is None:
        return delta.first_id <= update_id + 1 <= delta.last_id
    return delta.first_id <= update_id <= delta.last_id or delta.prev_id == update_id


def _agrees(checksum: int | None, levels: Levels) -> bool:
    return checksum is None or checksum == levels.checksum()
