"""The exchange's own book of one symbol: its sides, its update ids, and the depth streams that publish it."""

from random import Random

from marketprism.sim.facts import DepthUpdate, Top
from marketprism.sim.feed import Feed, Level
from marketprism.sim.instruments import Listing
from marketprism.sim.ladder import Side

_FOREIGN_IDS = 5
"""Mean count of update ids that other symbols take between two of ours, where ids are shared."""


class MarketBook:
    """Both sides of a book; every change has its id and reaches every depth stream.

    Attributes:
        update_id: Id of the last change.
    """

    def __init__(self, listing: Listing, random: Random, update_id: int, bids: list[Level], asks: list[Level]) -> None:
        self.update_id = update_id
        self.bids, self.asks = Side(-1, bids), Side(1, asks)
        self._random, self._shared_ids = random, listing.traits.shared_ids
        self._feeds = [Feed(period, update_id) for period in listing.traits.depth_periods_ms]
        self._kept: Feed | None = None

    def change(self, side: Side, price: int, lots: int) -> Top | None:
        """Set one level and return the new best levels where they changed."""
        assert lots or len(side) > 1, "a side of the book must not run empty"
        best = side.best, side.best_lots
        before = side.lots_at(price)
        side.put(price, lots)
        self.update_id += 1
        if self._shared_ids:
            self.update_id += int(self._random.expovariate(1 / _FOREIGN_IDS))
        bid = side is self.bids
        for feed in self._feeds:
            feed.note(self.update_id, price, before, lots, bid=bid)
        if self._kept:
            self._kept.note(self.update_id, price, before, lots, bid=bid)
        return None if best == (side.best, side.best_lots) else self.top()

    def top(self) -> Top:
        """Return the best levels of this moment."""
        return Top(self.update_id, self.bids.best, self.bids.best_lots, self.asks.best, self.asks.best_lots)

    def due(self, elapsed_ms: int) -> list[DepthUpdate]:
        """Return the updates of the streams whose period ends now."""
        return [feed.take(self.update_id, self.top()) for feed in self._feeds if self._ends(feed, elapsed_ms)]

    def flush(self) -> list[DepthUpdate]:
        """Return all updates that are not due yet."""
        return [feed.take(self.update_id, self.top()) for feed in self._feeds if feed.pending]

    def now(self) -> tuple[int, list[Level], list[Level]]:
        """Return update id, bids and asks of this moment, best first."""
        return self.update_id, self.bids.top(), self.asks.top()

    def published(self, period_ms: int) -> tuple[int, list[Level], list[Level]]:
        """Return update id, bids and asks as a follower of one stream has them, that is, after its last update."""
        return next(feed for feed in self._feeds if feed.period_ms == period_ms).book(self.bids, self.asks)

    def keep(self) -> None:
        """Keep for `past` a book that no update from now on continues: that before the slowest stream's last update."""
        self._kept = self._feeds[-1].rewound()

    def forget(self) -> None:
        """Let go of what `keep` kept."""
        self._kept = None

    def past(self) -> tuple[int, list[Level], list[Level]] | None:
        """Return the book that `keep` kept last; None where nothing is kept."""
        return self._kept.book(self.bids, self.asks) if self._kept else None

    def _ends(self, feed: Feed, elapsed_ms: int) -> bool:
        return feed.pending and elapsed_ms % feed.period_ms == 0
