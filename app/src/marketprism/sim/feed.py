"""One depth stream of a market: what has changed since its last update, and the book as it was then."""

from dataclasses import dataclass, field

from marketprism.sim.facts import DepthUpdate, Top
from marketprism.sim.ladder import Side

Level = tuple[int, int]


@dataclass(slots=True)
class _Changes:
    """Changed levels of one side: their quantity now, and what it was at the last update."""

    now: dict[int, int] = field(default_factory=dict)
    before: dict[int, int] = field(default_factory=dict)

    def note(self, price: int, before: int, now: int) -> None:
        self.before.setdefault(price, before)
        self.now[price] = now

    def behind(self, earlier: "_Changes") -> "_Changes":
        """Return the changes since the update before the last one, given those that the last one published."""
        return _Changes(before=self.before | earlier.before)

    def new(self) -> frozenset[int]:
        return frozenset(price for price, lots in self.before.items() if not lots)

    def undone(self, side: Side, *, best_first: bool) -> list[Level]:
        """Return the whole side as it was at the last update."""
        levels = dict(side.top()) | self.before
        return sorted(((price, lots) for price, lots in levels.items() if lots), reverse=best_first)


class Feed:
    """Changes that one depth stream has yet to publish.

    Attributes:
        last_id: Update id of the last update.
    """

    __slots__ = ("_asks", "_bids", "_first_id", "_published", "last_id", "period_ms")

    def __init__(self, period_ms: int, last_id: int) -> None:
        self.period_ms, self.last_id, self._first_id = period_ms, last_id, 0
        self._bids, self._asks = _Changes(), _Changes()
        self._published = last_id, _Changes(), _Changes()

    @property
    def pending(self) -> bool:
        """Whether anything has changed; without a change an exchange sends no update."""
        return bool(self._first_id)

    def note(self, update_id: int, price: int, before: int, now: int, *, bid: bool) -> None:
        """Note one change of the book."""
        (self._bids if bid else self._asks).note(price, before, now)
        self._first_id = self._first_id or update_id

    def take(self, update_id: int, top: Top) -> DepthUpdate:
        """Return the update that is due."""
        update = DepthUpdate(
            self.period_ms,
            self._first_id,
            update_id,
            self.last_id,
            sorted(self._bids.now.items(), reverse=True),
            sorted(self._asks.now.items()),
            top,
            self._bids.new(),
            self._asks.new(),
        )
        self._published = self.last_id, self._bids, self._asks
        self.last_id, self._first_id = update_id, 0
        self._bids, self._asks = _Changes(), _Changes()
        return update

    def rewound(self) -> "Feed":
        """Return a feed that has not published the last update yet, so that its book is older than that."""
        last_id, bids, asks = self._published
        earlier = Feed(self.period_ms, last_id)
        earlier._bids, earlier._asks = self._bids.behind(bids), self._asks.behind(asks)
        return earlier

    def book(self, bids: Side, asks: Side) -> tuple[int, list[Level], list[Level]]:
        """Return update id, bids and asks of the last update, given the sides of now."""
        return self.last_id, self._bids.undone(bids, best_first=True), self._asks.undone(asks, best_first=False)
