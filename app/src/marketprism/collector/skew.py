"""How far our clock is from an exchange's: the smallest difference between receipt and event of the last minutes.

The way of a frame only ever adds to the difference, so its minimum is the clocks' difference plus the shortest way.
"""

from marketprism.venues.protocol import SECOND_NS

PANE_NS = 300 * SECOND_NS


class ClockSkew:
    """A running minimum over one to two panes of five minutes."""

    def __init__(self) -> None:
        self._pane = 0
        self._minimum_ns: int | None = None
        self._before_ns: int | None = None

    def add(self, event_us: int, receive_ns: int) -> None:
        """Take one event's time at the exchange, and when it reached us."""
        difference_ns = receive_ns - event_us * 1000
        pane = receive_ns // PANE_NS
        if pane != self._pane:
            self._before_ns = self._minimum_ns if pane == self._pane + 1 else None
            self._pane, self._minimum_ns = pane, difference_ns
        elif self._minimum_ns is None or difference_ns < self._minimum_ns:
            self._minimum_ns = difference_ns

    @property
    def seconds(self) -> float | None:
        """Our clock minus the exchange's; negative when ours is behind. None before the first event."""
        known = [each for each in (self._minimum_ns, self._before_ns) if each is not None]
        return min(known) / SECOND_NS if known else None
