"""Which of many equal messages are worth a line in the log."""

TELL_SECONDS = 60.0


class Repeats:
    """The first of each kind is told at once, the others once a minute, with their number.

    Kinds come from a closed set.
    """

    def __init__(self) -> None:
        self._told: dict[str, float] = {}
        self._count: dict[str, int] = {}

    def count(self, kind: str, now: float) -> int:
        """Count one more.

        Returns:
            How many there were since a line was last written, this one included; 0 when it is not worth a line.
        """
        self._count[kind] = self._count.get(kind, 0) + 1
        if kind in self._told and now - self._told[kind] < TELL_SECONDS:
            return 0
        self._told[kind] = now
        return self._count.pop(kind)
