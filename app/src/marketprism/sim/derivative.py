"""What a derivative has beside its book: mark price and funding, open interest, ratios, volatility.

All of it is a function of the seed, the symbol and a number (the tick, or the time of a bar), so that it can be
computed for any moment, past ones included, and a restart changes nothing.
"""

from hashlib import blake2b
from math import pi, sin

from marketprism.sim.facts import (
    FINE_DIGITS,
    RATE_DIGITS,
    SHARE_DIGITS,
    Mark,
    OpenInterest,
    Ratios,
    Volatility,
)
from marketprism.sim.instruments import Listing

BAR_MS = 300_000
_HOUR_MS = 3_600_000
_TYPICAL_RATE = 1e-4
_HELD_LEVELS = 20_000
"""Open interest in typical price levels."""


class Derivative:
    """The slow figures of one derivative.

    Args:
        entropy: See `opening.entropy`.
    """

    def __init__(self, listing: Listing, entropy: int) -> None:
        self._listing, self._entropy = listing, entropy
        self.interval_ms = (8 if self._noise("interval", 0) < 0.8 else 4) * _HOUR_MS

    def mark(self, tick: int, fair: float, now_ms: int) -> Mark:
        """Return prices and funding; `now_ms` tells which settlement is next."""
        fine = 10**FINE_DIGITS
        mark = int(fair * fine)
        index = int(mark * (1 + 2e-4 * self._wave("index", tick, 9_000)))
        settle = int(index * (1 + 1e-4 * self._wave("settle", tick, 5_000)))
        share = 0.3 + self._wave("funding", tick, 60_000) + 1e-3 * self._noise("funding", tick)
        return Mark(
            mark=mark,
            average=(3 * mark + index) // 4,
            index=index,
            settle=settle,
            rate=int(_TYPICAL_RATE * share * 10**RATE_DIGITS),
            funding_ms=(now_ms // self.interval_ms + 1) * self.interval_ms,
            interval_ms=self.interval_ms,
        )

    def open_interest(self, tick: int) -> OpenInterest:
        """Return the open positions."""
        share = 1 + 0.1 * self._wave("interest", tick, 150_000) + 1e-3 * self._noise("interest", tick)
        return OpenInterest(int(self._listing.lots * _HELD_LEVELS * share))

    def ratios(self, bar_ms: int) -> Ratios:
        """Return the long shares of the five-minute bar that has this time."""
        bar, half = bar_ms // BAR_MS, 10**SHARE_DIGITS // 2
        shares = (
            half + int(half * (0.4 * self._wave(name, bar, 100) + 0.05 * self._noise(name, bar)))
            for name in ("position", "account")
        )
        return Ratios(*shares)

    def volatility(self, tick: int) -> Volatility:
        """Return the volatility index."""
        return Volatility(int(5_000 + 1_500 * self._wave("volatility", tick, 40_000) + 40 * self._noise("dvol", tick)))

    def _noise(self, name: str, number: int) -> float:
        """Return a repeatable number from 0 to 1."""
        digest = blake2b(f"{self._entropy}:{name}:{number}".encode(), digest_size=7).digest()
        return int.from_bytes(digest) / 2**56

    def _wave(self, name: str, number: int, period: int) -> float:
        """Return a slow wave between -1 and 1, with a phase of its own for every symbol and figure."""
        return sin(2 * pi * (number / period + self._noise(name, -1)))
