"""Limits of the form "so many requests in so many seconds", as OKX states them."""

from collections import defaultdict, deque


class RequestWindow:
    """Counts requests per client over a sliding window.

    Args:
        most: Requests admitted in any window.
        seconds: Length of the window.
    """

    def __init__(self, most: int, seconds: float) -> None:
        self._most, self._seconds = most, seconds
        self._admitted: defaultdict[str, deque[float]] = defaultdict(deque)

    def admit(self, client: str, now: float) -> bool:
        """Count a request; False, uncounted, when it is one too many. `now` are seconds of a clock that only grows."""
        admitted = self._admitted[client]
        while admitted and now - admitted[0] >= self._seconds:
            admitted.popleft()
        if len(admitted) >= self._most:
            return False
        admitted.append(now)
        return True
