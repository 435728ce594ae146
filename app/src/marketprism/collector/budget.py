"""What an exchange lets one address do, as arithmetic on the time; nothing here waits or reads a clock."""

from collections import Counter, deque

from marketprism.contract.instruments import Exchange
from marketprism.pipeline.waits import Wait, longest
from marketprism.venues.protocol import SECOND_NS, Purpose

MINUTE_NS = 60 * SECOND_NS
SHARE = 0.8
"""Part of the exchange's limit that is used; others may share the address."""
PURPOSE_SHARES = {
    Purpose.BOOK: 0.9,
    Purpose.LISTING: 0.2,
    Purpose.POLL: 0.3,
    Purpose.HEAL: 0.2,
    Purpose.REFRESH: 0.1,
    Purpose.HISTORY: 0.2,
}
"""Part of ours that one purpose may use: neither do floods of the others starve the books, nor the books all others."""

ATTEMPTS: dict[Exchange, tuple[int, float]] = {
    Exchange.BINANCE: (240, 300.0),
    Exchange.OKX: (1, 0.5),
    Exchange.DERIBIT: (1, 1.0),
}
"""Attempts to connect in so many seconds, below what the exchanges allow one address.

Binance: 300 in 5 minutes ("WebSocket Streams", general information). OKX: 3 a second ("WebSocket", connect); evenly
spaced, as two that are delayed arrive together. Deribit names only 32 connections at a time ("Rate Limits"); one a
second lets a closed one be forgotten first.
"""


class WeightBudget:
    """What may be asked over REST and when. The exchange's window is the UTC minute.

    Args:
        weight_per_minute: The exchange's limit.
    """

    def __init__(self, weight_per_minute: int) -> None:
        self._limit = weight_per_minute * SHARE
        self._minute = 0
        self._closed = Wait()
        self._used_for: Counter[Purpose] = Counter()
        self.used = 0

    def wait_ns(self, purpose: Purpose, weight: int, now_ns: int) -> int:
        """Return how long a request of this weight has to wait, 0 when it may go now; then `spend` it."""
        self._turn(now_ns)
        if closed_ns := self._closed.left_ns(now_ns):
            return closed_ns
        used_for = self._used_for[purpose]
        over = self.used > 0 and self.used + weight > self._limit
        over_share = used_for > 0 and used_for + weight > self._limit * PURPOSE_SHARES[purpose]
        return (self._minute + 1) * MINUTE_NS - now_ns if over or over_share else 0

    def spend(self, purpose: Purpose, weight: int, now_ns: int) -> None:
        """Count a request that is sent."""
        self._turn(now_ns)
        self.used += weight
        self._used_for[purpose] += weight

    def observe(self, used: int, now_ns: int) -> None:
        """Take the exchange's own count for this minute, which knows of everybody at our address."""
        self._turn(now_ns)
        self.used = max(self.used, used)

    def close(self, seconds: float, now_ns: int) -> None:
        """Ask nothing for some seconds: the exchange said so."""
        self._closed = longest(now_ns, self._closed, Wait(now_ns, int(seconds * SECOND_NS)))

    def _turn(self, now_ns: int) -> None:
        minute = now_ns // MINUTE_NS
        if minute != self._minute:
            self._minute, self.used = minute, 0
            self._used_for.clear()


class AttemptBudget:
    """When another attempt to connect may be made; times are nanoseconds of a monotonic clock.

    Args:
        count: Attempts in any `seconds`, at most.
        seconds: Length of the sliding window.
    """

    def __init__(self, count: int, seconds: float) -> None:
        self._count = count
        self._window_ns = int(seconds * SECOND_NS)
        self._made_ns: deque[int] = deque()
        self._closed_until_ns = 0

    def wait_ns(self, now_ns: int) -> int:
        """Return how long an attempt has to wait, 0 when it may be made now; then `spend` it."""
        while self._made_ns and self._made_ns[0] + self._window_ns <= now_ns:
            self._made_ns.popleft()
        wait_ns = self._made_ns[0] + self._window_ns - now_ns if len(self._made_ns) >= self._count else 0
        return max(wait_ns, self._closed_until_ns - now_ns)

    def spend(self, now_ns: int) -> None:
        """Count an attempt that is made."""
        self._made_ns.append(now_ns)

    def close(self, seconds: float, now_ns: int) -> None:
        """Make no attempt for some seconds: the exchange said so."""
        self._closed_until_ns = max(self._closed_until_ns, now_ns + int(seconds * SECOND_NS))
