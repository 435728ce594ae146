"""A venue's request weight per minute, as arithmetic on the time; nothing here waits or reads a clock."""

MINUTE_NS = 60 * 1_000_000_000
SHARE = 0.8
"""Part of the venue's limit that is used; others may share the address."""


class WeightBudget:
    """What may be asked of one venue and when. The venue's window is the UTC minute.

    Args:
        weight_per_minute: The venue's limit.
    """

    def __init__(self, weight_per_minute: int) -> None:
        self._limit = int(weight_per_minute * SHARE)
        self._minute = 0
        self._closed_until_ns = 0
        self.used = 0

    def wait_ns(self, weight: int, now_ns: int) -> int:
        """Return how long a request of this weight has to wait, 0 when it may go now; then `spend` it."""
        self._turn(now_ns)
        if now_ns < self._closed_until_ns:
            return self._closed_until_ns - now_ns
        if self.used > 0 and self.used + weight > self._limit:
            return (self._minute + 1) * MINUTE_NS - now_ns
        return 0

    def spend(self, weight: int, now_ns: int) -> None:
        """Count a request that is sent."""
        self._turn(now_ns)
        self.used += weight

    def observe(self, used: int, now_ns: int) -> None:
        """Take the venue's own count for this minute, which knows of everybody at our address."""
        self._turn(now_ns)
        self.used = max(self.used, used)

    def close(self, seconds: float, now_ns: int) -> None:
        """Ask nothing for some seconds: the venue said so."""
        self._closed_until_ns = max(self._closed_until_ns, now_ns + int(seconds * 1e9))

    def _turn(self, now_ns: int) -> None:
        minute = now_ns // MINUTE_NS
        if minute != self._minute:
            self._minute, self.used = minute, 0
