"""Seeded order flow of one symbol: what traders do, the book that results, and the facts that are published.

A market advances in ticks of 25 ms. What happens in a tick depends on the seed, the symbol, the tick's number and the
book before it, never on a clock, so the same seed gives the same market. Only the funding schedule knows the time.
"""

from random import Random

from marketprism.sim.book import MarketBook
from marketprism.sim.derivative import Derivative
from marketprism.sim.facts import FINE_DIGITS, Aggregate, Fact, Fill, Liquidation
from marketprism.sim.instruments import Listing
from marketprism.sim.ladder import Side
from marketprism.sim.opening import FEWEST_LEVELS, MOST_LEVELS, MarketState, entropy, mean_gap
from marketprism.sim.tape import Tape

TICK_MS = 25
"""Length of one tick; every publication period is a multiple."""

MAX_RATE = 500.0
"""Highest trades per second that `state.TRADE_IDS_PER_MS` leaves room for."""

_LIVELY_RATE, _LAZY_BEAT = 5.0, 4
"""Traders of a market with fewer trades per second act in every fourth tick only: hundreds of them are cheap."""

_REPORTS = 1 << 40
"""Offset of the randomness of liquidations from that of traders."""

_SWEEP_LEVELS = 20
_FORCED_LEVELS = 3
_CHANGES_PER_TRADE = 9
_FILLS_PER_ORDER = 2.2
_VOLATILITY_PER_TICK = 3e-6
_PULL_PER_TICK = 1e-7
_TICKS_PER_SECOND = 1000 // TICK_MS
_LIQUIDATIONS_PER_SECOND = 1 / 30
_SECONDS_BETWEEN_INTERESTS = 3


class Market:
    """One symbol's order book and the traders around it.

    Args:
        seed: Two markets of one seed and listing, started from equal states, produce equal facts.
        rate: Mean trades per second; book changes follow in proportion.
        state: Where to start; see `opening.opening_state`.
        memory: How many trades its tape remembers.

    Attributes:
        pace: Factor on everything that traders do; `most_pace` keeps it within `MAX_RATE`.
        wanted_liquidations: How many positions are to be closed by force, one a second.
        listed: Whether it trades; a market that was delisted stands still for ever.
    """

    def __init__(self, listing: Listing, *, seed: int, rate: float, state: MarketState, memory: int = 1_000) -> None:
        self.listing = listing
        self.pace, self.wanted_liquidations, self.listed = 1, 0, True
        self.most_pace = int(MAX_RATE // rate)
        self._entropy = entropy(listing, seed)
        # Reproducible order flow is wanted here; nothing of it is a secret.
        self._random = Random(self._entropy)  # noqa: S311 - a market that can be repeated, no secret
        self._beat = 1 if rate >= _LIVELY_RATE else _LAZY_BEAT
        self._phase = (self._entropy >> 48) % self._beat
        acts_per_second = 1000 / TICK_MS / self._beat
        self._orders_per_act = rate / acts_per_second / _FILLS_PER_ORDER
        self._changes_per_act = rate / acts_per_second * _CHANGES_PER_TRADE
        self._gap = mean_gap(listing)
        self._tick, self._fair = state.tick, state.fair
        self._trade_id, self._aggregate_id = state.trade_id, state.aggregate_id
        self.tape = Tape(memory)
        self.book = MarketBook(listing, self._random, state.update_id, state.bids, state.asks)
        self.derivative = Derivative(listing, self._entropy) if listing.traits.derivative else None
        self._facts: list[Fact] = []
        self._reported = False

    def step(self, now_ms: int) -> list[Fact]:
        """Advance by one tick and return what happened, in order."""
        self._facts = []
        if not self.listed:
            return []
        self._tick += 1
        if self._tick % self._beat == self._phase:
            self._random.seed(self._entropy + self._tick)
            self._act()
        if self.derivative:
            self._hold(self.derivative, now_ms)
        for fact in self._facts:
            self.tape.note(fact, now_ms)
        return self._facts + self.book.due(self._tick * TICK_MS)

    def flush(self) -> list[Fact]:
        """Return the depth updates that are not due yet, so that nothing is pending when the exchange stops."""
        return [*self.book.flush()]

    def storm(self, levels: int) -> None:
        """Resize so many levels, or all, before the next update of each stream."""
        sides = [(side, price) for side in (self.book.bids, self.book.asks) for price, _ in side.top()]
        for side, price in sides[-levels:]:
            self._change(side, price, self._size(1.0))

    def state(self) -> MarketState:
        """Return everything that a later run needs to continue."""
        return MarketState(
            tick=self._tick,
            fair=self._fair,
            update_id=self.book.update_id,
            trade_id=self._trade_id,
            aggregate_id=self._aggregate_id,
            bids=self.book.bids.top(),
            asks=self.book.asks.top(),
        )

    def _act(self) -> None:
        """Let everybody act once."""
        self._walk()
        self._follow(self.book.asks, self.book.bids)
        self._follow(self.book.bids, self.book.asks)
        burst = self.pace * (12 if self._random.random() < 0.004 else 1)
        for _ in range(self._draw(self._changes_per_act * burst)):
            self._quote()
        for _ in range(self._draw(self._orders_per_act * burst)):
            self._take()

    def _draw(self, mean: float) -> int:
        """Return a whole number whose long-run mean is `mean`."""
        mean *= self._random.uniform(0, 2)
        return int(mean) + (self._random.random() < mean % 1)

    def _size(self, share: float) -> int:
        return 1 + int(self._random.expovariate(1 / (self.listing.lots * share)))

    def _walk(self) -> None:
        """Move the price that traders believe in; the slow pull home keeps a lab that runs for weeks in range."""
        home = self.listing.price
        self._fair += self._random.gauss(0, home * _VOLATILITY_PER_TICK * self._beat**0.5)
        self._fair += (home - self._fair) * _PULL_PER_TICK * self._beat

    def _follow(self, side: Side, other: Side) -> None:
        """Let makers leave levels that the believed price has passed, and close a spread that became wide."""
        ask = side is self.book.asks
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
        side = self.book.bids if self._random.random() < 0.5 else self.book.asks
        choice = self._random.random()
        index = min(int(self._random.expovariate(1 / 40)), len(side) - 1)
        if len(side) < FEWEST_LEVELS:
            self._change(side, self._beyond(side), self._size(2.0))
        elif len(side) > MOST_LEVELS:
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
        return max(1, side.price_at(-1) + (distance if side is self.book.asks else -distance))

    def _take(self) -> None:
        """Let one taker sweep the other side, towards the believed price more often than away from it."""
        lean = (self._fair - (self.book.bids.best + self.book.asks.best) / 2) / self._gap
        buys = self._random.random() < 0.5 + max(-0.3, min(0.3, lean * 0.1))
        wanted = self._size(3.0 if self._random.random() < 0.05 else 0.3)
        self._sweep(wanted, _SWEEP_LEVELS, buys=buys, forced=False)

    def _sweep(self, wanted: int, levels: int, *, buys: bool, forced: bool) -> list[tuple[int, int]]:
        """Take from the best levels of the other side and return price and quantity of what was taken."""
        side, taken = (self.book.asks if buys else self.book.bids), []
        for _ in range(levels):
            price, resting = side.best, side.best_lots
            part = min(wanted, resting)
            self._trade(price, part, buyer_is_maker=not buys, forced=forced)
            self._change(side, price, resting - part)
            taken.append((price, part))
            wanted -= part
            if not wanted:
                break
        return taken

    def _trade(self, price: int, lots: int, *, buyer_is_maker: bool, forced: bool) -> None:
        """Record the fills of one price, and the aggregate over them."""
        first, rest = self._trade_id + 1, lots
        while rest:
            part = rest if self._random.random() < 0.65 else self._random.randint(1, rest)
            self._fill(price, part, buyer_is_maker=buyer_is_maker, forced=forced)
            rest -= part
        hidden = 0
        if self.listing.traits.hidden_orders and self._random.random() < 0.05:
            hidden = self._size(0.05)
            self._fill(price, hidden, buyer_is_maker=buyer_is_maker, forced=forced)
        self._aggregate_id += 1
        self._facts.append(
            Aggregate(self._aggregate_id, price, lots + hidden, hidden, first, self._trade_id, buyer_is_maker)
        )

    def _fill(self, price: int, lots: int, *, buyer_is_maker: bool, forced: bool) -> None:
        self._trade_id += 1
        self._facts.append(Fill(self._trade_id, price, lots, buyer_is_maker, forced))

    def _change(self, side: Side, price: int, lots: int) -> None:
        """Set one level, and report the best ones where they changed."""
        top = self.book.change(side, price, lots)
        if top:
            self._facts.append(top)

    def _hold(self, derivative: Derivative, now_ms: int) -> None:
        """Liquidate now and then, and report the slow figures when they are due."""
        second, part = divmod(self._tick, _TICKS_PER_SECOND)
        if part and self._reported:
            return
        self._random.seed(self._entropy + _REPORTS + self._tick)
        if part:  # the first report of a run does not wait for the second to end
            second = 0
        elif self.wanted_liquidations or self._random.random() < _LIQUIDATIONS_PER_SECOND:
            self.wanted_liquidations = max(0, self.wanted_liquidations - 1)
            self._liquidate()
        self._facts.append(derivative.mark(self._tick, self._fair, now_ms))
        self._reported = True
        if second % _SECONDS_BETWEEN_INTERESTS == 0:
            self._facts.append(derivative.open_interest(self._tick))
        if self.listing.traits.volatility:
            self._facts.append(derivative.volatility(self._tick))

    def _liquidate(self) -> None:
        """Close a position at the best prices there are; what does not fill within a few levels is left."""
        buys, lots, first = self._random.random() < 0.5, self._size(2.0), self._trade_id + 1
        taken = self._sweep(lots, _FORCED_LEVELS, buys=buys, forced=True)
        filled = sum(part for _, part in taken)
        worst = taken[-1][0]
        price = worst + int(worst * 1e-3) * (1 if buys else -1)
        average = sum(price * part for price, part in taken) * 10**FINE_DIGITS // filled
        self._facts.append(Liquidation(buys, price, average, lots, filled, taken[-1][1], first, self._trade_id))
