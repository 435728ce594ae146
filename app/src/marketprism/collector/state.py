"""Whether an exchange serves us: one state per venue, from what its REST and WebSocket addresses answer."""

from enum import StrEnum

from marketprism.pipeline.waits import Wait, longest
from marketprism.telemetry import logs
from marketprism.venues.protocol import SECOND_NS

BLOCKED_STATUSES = frozenset({403, 451})
LIMITED_STATUSES = frozenset({418, 429})
BLOCKED_WAIT_SECONDS = 300.0
"""Wait after 403 and 451: asking on lengthens a block, and places do not change fast."""
LIMITED_WAIT_SECONDS = 60.0
"""Wait after 418 and 429 that name no time; the exchanges' windows are minutes."""

_log = logs.get("venue")


class Condition(StrEnum):
    """What a venue can be in."""

    STARTING = "starting"  # its instruments are not known yet
    COLLECTING = "collecting"
    LIMITED = "limited"  # we asked too much; nothing is asked until the time given
    BLOCKED = "blocked"  # it refuses our address or our country


class VenueState:
    """The state of one venue.

    Args:
        venue: Name, for the log.
    """

    def __init__(self, venue: str) -> None:
        self._venue = venue
        self._started = False
        self._waits = ""
        self._blocked: dict[str, str] = {}
        self._limited = Wait()
        self._limit = ""

    def waits(self, reason: str) -> None:
        """Note why the instruments are not known yet."""
        self._waits = reason

    def started(self) -> None:
        """Note that the instruments are known."""
        self._started = True

    def blocked(self, source: str, detail: str) -> None:
        """Note that one of our connections, or REST, is refused altogether."""
        if source not in self._blocked:
            _log.error("blocked", venue=self._venue, source=source, detail=detail, wait_seconds=BLOCKED_WAIT_SECONDS)
        self._blocked[source] = detail

    def served(self, source: str) -> None:
        """Note that a connection was opened, or a request answered."""
        if self._blocked and self._blocked.pop(source, None) is not None:
            _log.info("no longer blocked", venue=self._venue, source=source)

    def limited(self, seconds: float, detail: str, now_ns: int) -> None:
        """Note that nothing may be asked for some seconds."""
        if not self._limited.left_ns(now_ns):
            _log.warning("rate limited", venue=self._venue, seconds=seconds, detail=detail)
        self._limited = longest(now_ns, self._limited, Wait(now_ns, int(seconds * SECOND_NS)))
        self._limit = detail

    def condition(self, now_ns: int) -> Condition:
        """Return the worst that holds."""
        if self._blocked:
            return Condition.BLOCKED
        if self._limited.left_ns(now_ns):
            return Condition.LIMITED
        return Condition.COLLECTING if self._started else Condition.STARTING

    def cause(self, now_ns: int) -> str | None:
        """Say what is wrong, for people; None when nothing is."""
        match self.condition(now_ns):
            case Condition.BLOCKED:
                return f"blocked: {next(iter(self._blocked.values()))}"
            case Condition.LIMITED:
                seconds = self._limited.left_ns(now_ns) / SECOND_NS
                return f"rate limited for {seconds:.0f} s more: {self._limit}"
            case Condition.STARTING if self._waits:
                return f"waits for its list of instruments: {self._waits}"
            case _:
                return None


def retry_after(header: str | None) -> float:
    """Return the seconds that a ``Retry-After`` header asks for."""
    return float(header) if header is not None and header.strip().isdigit() else LIMITED_WAIT_SECONDS
