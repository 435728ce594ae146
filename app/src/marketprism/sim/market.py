"""Seeded order flow of one symbol: what traders do, the book that results, and the facts that are published.

A market advances in ticks of 25 ms. What happens in a tick depends on the seed, the symbol, the tick's number and the
book before it, never on a clock, so the same seed gives the same market.
"""

from dataclasses import dataclass, field
from hashlib import sha256
from random import Random

import msgspec

from marketprism.sim.instruments import Listing, MarketKind
from marketprism.sim.ladder import Side

TICK_MS = 25
"""Length of one tick; every publication period is a multiple."""

DEPTH_PERIODS_MS = {MarketKind.SPOT: (100, 1000), MarketKind.USDM: (100, 250, 500)}
"""Publication periods of the depth streams, in milliseconds."""

MAX_RATE = 500.0
"""Highest trades per second that `state.IDS_PER_MS` leaves room for."""

_FEWEST_LEVELS, _MOST_LEVELS = 700, 1000
_SWEEP_LEVELS = 20
_CHANGES_PER_TRADE = 9
_FILLS_PER_ORDER = 2.2
_SPREAD_OF_BOOK = 0.015
_VOLATILITY_PER_TICK = 3e-6
_PULL_PER_TICK = 1e-7
_FOREIGN_IDS = 5
"""Mean count of update ids that other symbols of the futures exchange take between two of ours: ids are shared."""


@dataclass(frozen=True, slots=True)
class Fill:
    """One resting order met by a taker."""

    trade_id: int
    price: int
    lots: int
    buyer_is_maker: bool


@dataclass(frozen=True, slots=True)
class Aggregate:
    """All fills of one taker order at one price; `hidden_lots` of them met retail (RPI) orders outside the book."""

    aggregate_id: int
    price: int
    lots: int
    hidden_lots: int
    first_id: int
    last_id: int
    buyer_is_maker: bool


@dataclass(frozen=True, slots=True)
class Top:
    """Best bid and ask right after the change `update_id`."""

    update_id: int
    bid: int
    bid_lots: int
    ask: int
    ask_lots: int


@dataclass(frozen=True, slots=True)
class DepthUpdate:
    """Every level that changed since the previous update of the same period; zero lots delete."""

    period_ms: int
    first_id: int
    last_id: int
    previous_id: int
    bids: list[tuple[int, int]]
    asks: list[tuple[int, int]]
    top: Top


Fact = Fill | Aggregate | Top | DepthUpdate


class MarketState(msgspec.Struct, frozen=True, kw_only=True):
    """All that a market needs to continue exactly where it stopped; prices in ticks, best level first."""

    tick: int
    fair: float
    update_id: int
    trade_id: int
    aggregate_id: int
    bids: list[tuple[int, int]]
    asks: list[tuple[int, int]]


@dataclass(slots=True)
class _Feed:
    """Changes that one depth stream has yet to publish."""

    period_ms: int
    last_id: int
    first_id: int = 0
    bids: dict[int, int] = field(default_factory=dict)
    asks: dict[int, int] = field(default_factory=dict)

    def take(self, update_id: int, top: Top) -> DepthUpdate:
        bids, asks = sorted(self.bids.items(), reverse=True), sorted(self.asks.items())
        update = DepthUpdate(self.period_ms, self.first_id, update_id, self.last_id, bids, asks, top)
        self.last_id, self.first_id = update_id, 0
        self.bids, self.asks = {}, {}
        return update


class Market:
    """One symbol's order book and the traders around it.

    Args:
        seed: Two markets of one seed and listing, started from equal states, produce equal facts.
        rate: Mean trades per second; book changes follow in proportion.
        state: Where to start; see `opening_state`.
    """

    def __init__(self, listing: Listing, *, seed: int, rate: float, state: MarketState) -> None:
        self.listing = listing
        self._entropy = _entropy(listing, seed)
        # Reproducible order flow is wanted here; nothing of it is a secret.
        self._random = Random(self._entropy)  # noqa: S311 - a market that can be repeated, no secret
        self._orders_per_tick = rate * TICK_MS / 1000 / _FILLS_PER_ORDER
        self._changes_per_tick = rate * TICK_MS / 1000 * _CHANGES_PER_TRADE
        self._gap = _mean_gap(listing)
        self._tick, self._fair = state.tick, state.fair
        self.update_id, self._trade_id, self._aggregate_id = state.update_id, state.trade_id, state.aggregate_id
        self.bids, self.asks = Side(-1, state.bids), Side(1, state.asks)
        self._feeds = [_Feed(period, self.update_id) for period in DEPTH_PERIODS_MS[listing.market]]
        self._facts: list[Fact] = []

    def step(self) -> list[Fact]:
        """Advance by one tick and return what happened, in order."""
        self._facts = []
        self._random.seed(self._entropy + self._tick)
        self._tick += 1
        self._walk()
        self._follow(self.asks, self.bids)
        self._follow(self.bids, self.asks)
        burst = 12 if self._random.random() < 0.004 else 1
        for _ in range(self._draw(self._changes_per_tick * burst)):
            self._quote()
        for _ in range(self._draw(self._orders_per_tick * burst)):
            self._take()
        elapsed = self._tick * TICK_MS
        return self._facts + self._due([feed for feed in self._feeds if elapsed % feed.period_ms == 0])

    def flush(self) -> list[Fact]:
        """Return the depth updates that are not due yet, so that nothing is pending when the exchange stops."""
        return self._due(self._feeds)

    def top(self) -> Top:
        """Return the best levels of this moment."""
        return Top(self.update_id, self.bids.best, self.bids.best_lots, self.asks.best, self.asks.best_lots)

    def state(self) -> MarketState:
        """Return everything that a later run needs to continue."""
        return MarketState(
            tick=self._tick,
            fair=self._fair,
            update_id=self.update_id,
            trade_id=self._trade_id,
            aggregate_id=self._aggregate_id,
            bids=self.bids.top(),
            asks=self.asks.top(),
        )

    def _due(self, feeds: list[_Feed]) -> list[Fact]:
        """Close the given feeds; without a change the exchange sends no event."""
        return [feed.take(self.update_id, self.top()) for feed in feeds if feed.first_id]

    def _draw(self, mean: float) -> int:
        """Return a whole number whose long-run mean is `mean`."""
        mean *= self._random.uniform(0, 2)
        return int(mean) + (self._random.random() < mean % 1)

    def _size(self, share: float) -> int:
        return 1 + int(self._random.expovariate(1 / (self.listing.lots * share)))

    def _walk(self) -> None:
        """Move the price that traders believe in; the slow pull home keeps a lab that runs for weeks in range."""
        home = self.listing.price
        self._fair += self._random.gauss(0, home * _VOLATILITY_PER_TICK) + (home - self._fair) * _PULL_PER_TICK

    def _follow(self, side: Side, other: Side) -> None:
        """Let makers leave levels that the believed price has passed, and close a spread that became wide."""
        ask = side is self.asks
        for _ in range(8):
            if side.best > self._fair if ask else side.best < self._fair:
                break
            self._change(side, side.best, 0)
        away = int(self._random.expovariate(2 / self._gap))
        wanted = int(self._fair) + 1 + away if ask else int(self._fair) - away
        price = max(wanted, other.best + 1) if ask else min(wanted, other.best - 1)
        if (price < side.best if ask else price > side.best) and self._random.random() < 0.3:
            self._change(side, price, self._size(1.0))

    def _quote(self) -> None:
        """Let one maker add, resize or cancel a level, mostly near the best price."""
        side = self.bids if self._random.random() < 0.5 else self.asks
        choice = self._random.random()
        index = min(int(self._random.expovariate(1 / 40)), len(side) - 1)
        if len(side) < _FEWEST_LEVELS:
            self._change(side, self._beyond(side), self._size(2.0))
        elif len(side) > _MOST_LEVELS:
            self._change(side, side.price_at(-1), 0)
        elif choice < 0.3:
            self._change(side, side.best, self._size(1.0))
        elif choice < 0.6:
            self._change(side, side.price_at(index), self._size(1.5))
        elif choice < 0.8:
            price = side.behind(1 + int(self._random.expovariate(1 / (20 * self._gap))))
            self._change(side, max(price, 1), self._size(1.0))
        else:
            self._change(side, side.price_at(max(index, 1)), 0)

    def _beyond(self, side: Side) -> int:
        """Return a free price behind the worst level."""
        distance = 1 + int(self._random.expovariate(1 / self._gap))
        return max(1, side.price_at(-1) + (distance if side is self.asks else -distance))

    def _take(self) -> None:
        """Let one taker sweep the other side, towards the believed price more often than away from it."""
        lean = (self._fair - (self.bids.best + self.asks.best) / 2) / self._gap
        buys = self._random.random() < 0.5 + max(-0.3, min(0.3, lean * 0.1))
        side = self.asks if buys else self.bids
        wanted = self._size(3.0 if self._random.random() < 0.05 else 0.3)
        for _ in range(_SWEEP_LEVELS):
            price, resting = side.best, side.best_lots
            taken = min(wanted, resting)
            self._trade(price, taken, buyer_is_maker=not buys)
            self._change(side, price, resting - taken)
            wanted -= taken
            if not wanted:
                break

    def _trade(self, price: int, lots: int, *, buyer_is_maker: bool) -> None:
        """Record the fills of one price, and the aggregate over them."""
        first, rest = self._trade_id + 1, lots
        while rest:
            part = rest if self._random.random() < 0.65 else self._random.randint(1, rest)
            self._fill(price, part, buyer_is_maker=buyer_is_maker)
            rest -= part
        hidden = 0
        if self.listing.market is MarketKind.USDM and self._random.random() < 0.05:
            hidden = self._size(0.05)
            self._fill(price, hidden, buyer_is_maker=buyer_is_maker)
        self._aggregate_id += 1
        self._facts.append(
            Aggregate(self._aggregate_id, price, lots + hidden, hidden, first, self._trade_id, buyer_is_maker)
        )

    def _fill(self, price: int, lots: int, *, buyer_is_maker: bool) -> None:
        self._trade_id += 1
        self._facts.append(Fill(self._trade_id, price, lots, buyer_is_maker))

    def _change(self, side: Side, price: int, lots: int) -> None:
        """Set one level: the only way in which the book changes, so that every change has its id and is published."""
        assert lots or len(side) > 1, "a side of the book must not run empty"
        before = side.best, side.best_lots
        side.put(price, lots)
        self.update_id += 1
        first = self.update_id
        if self.listing.market is MarketKind.USDM:
            self.update_id += int(self._random.expovariate(1 / _FOREIGN_IDS))
            first = self.update_id
        for feed in self._feeds:
            (feed.bids if side is self.bids else feed.asks)[price] = lots
            feed.first_id = feed.first_id or first
        if before != (side.best, side.best_lots):
            self._facts.append(self.top())


def opening_state(listing: Listing, *, seed: int, update_id: int, trade_id: int) -> MarketState:
    """Build the book with which a market opens; both ids are the last ones taken before."""
    random = Random(_entropy(listing, seed) - 1)  # noqa: S311 - as above
    sides: list[list[tuple[int, int]]] = []
    for sign, best in ((-1, listing.price), (1, listing.price + 1)):
        price, levels = best, []
        for place in range(_FEWEST_LEVELS + 100):
            levels.append((price, 1 + int(random.expovariate(1 / listing.lots))))
            price += sign * (1 + int(random.expovariate(1 / (_mean_gap(listing) * (0.02 + 2 * place / _MOST_LEVELS)))))
        sides.append([level for level in levels if level[0] > 0])
    return MarketState(
        tick=0,
        fair=float(listing.price),
        update_id=update_id,
        trade_id=trade_id,
        aggregate_id=trade_id // 2,
        bids=sides[0],
        asks=sides[1],
    )


def _mean_gap(listing: Listing) -> float:
    """Mean distance of neighbouring levels, in ticks, so that the book spans 1.5 % of the price a side."""
    return max(1.5, listing.price * _SPREAD_OF_BOOK / _MOST_LEVELS)


def _entropy(listing: Listing, seed: int) -> int:
    """Turn seed and symbol into a number whose successors (one a tick) meet those of no other symbol."""
    return int.from_bytes(sha256(f"{seed}:{listing.key}".encode()).digest()[:16]) << 48
