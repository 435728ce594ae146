"""A stream that refuses messages: why, and when to ask it again. One message asks, at growing intervals."""

FIRST_PROBE_SECONDS, LAST_PROBE_SECONDS = 0.2, 5.0


class Blockade:
    """Whether one stream takes messages at present. Times are the caller's monotonic seconds."""

    def __init__(self) -> None:
        self.cause: str | None = None
        """What the stream said; None while it takes messages."""
        self._probe_at: float | None = None
        self._probe_seconds = FIRST_PROBE_SECONDS

    def refused(self, cause: str, now: float) -> None:
        """Note that the stream refused a message."""
        if self.cause is None:
            self._probe_seconds = FIRST_PROBE_SECONDS
        self.cause = cause
        if self._probe_at is None:
            self._probe_at = now + self._probe_seconds
            self._probe_seconds = min(self._probe_seconds * 2, LAST_PROBE_SECONDS)

    def lift(self) -> None:
        """Note that the stream took a message, or may be asked anew."""
        self.cause, self._probe_at = None, None

    def is_due(self, now: float) -> bool:
        """Say whether a message may ask now."""
        return self._probe_at is not None and now >= self._probe_at

    def may_send(self, now: float) -> bool:
        """Say whether a message may be sent; while the stream refuses them, one at a time, which has to be sent."""
        if self.cause is None:
            return True
        due = self.is_due(now)
        if due:
            self._probe_at = None
        return due
