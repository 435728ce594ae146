"""Waits measured with a clock that may be set back: what a feed is told is UTC, as its events are."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Wait:
    """A stretch of time before which nothing is done.

    One that seems to begin in the future is over, as nobody knows how much of it is left: so a clock that is set back
    by an hour makes a wait twice as long at most, never an hour longer.

    Attributes:
        since_ns: When it began.
        length_ns: Its length.
    """

    since_ns: int = 0
    length_ns: int = 0

    def left_ns(self, now_ns: int) -> int:
        """Return what is left of it, 0 when it is over."""
        end_ns = self.since_ns + self.length_ns
        return end_ns - now_ns if self.since_ns <= now_ns < end_ns else 0


def longest(now_ns: int, *waits: Wait) -> Wait:
    """Return the one that ends last."""
    return max(waits, key=lambda wait: wait.left_ns(now_ns))
