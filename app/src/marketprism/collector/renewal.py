"""When a connection is opened anew because feeds that it should carry are silent.

Times are seconds of a monotonic clock.
"""

from collections.abc import Iterable, Mapping

from marketprism.collector.backoff import Backoff
from marketprism.collector.liveness import Key, Liveness
from marketprism.contract.catalog import DATA_TYPES

FIRST_SECONDS = 180.0
CAP_SECONDS = 3600.0
"""Between two renewals of one connection: what a new one did not cure, many new ones will not."""


class Renewals:
    """Chooses the connections of one venue that are worth a new start.

    Args:
        connections: Their names.
    """

    def __init__(self, connections: Iterable[str]) -> None:
        self._waits = {name: Backoff(first=FIRST_SECONDS, cap=CAP_SECONDS, floor=FIRST_SECONDS) for name in connections}
        self._not_before = dict.fromkeys(self._waits, 0.0)
        self._answered_at: dict[Key, float] = {}

    def answered(self, key: Key, now: float) -> None:
        """Note that the answer over REST that a feed waited for has come: from now on it has its time again."""
        self._answered_at[key] = now

    def due(
        self, silent: Iterable[Key], liveness: Liveness, open_since: Mapping[str, float], now: float
    ) -> dict[str, Key]:
        """Return the connections to renew now, each with a feed that it does not deliver.

        Args:
            silent: Feeds that come over connections and are silent.
            liveness: Knows which connection brought what; a feed that none is known for is everyone's.
            open_since: When each open connection was opened; one that has not had the feed's time is left alone.
            now: The time.
        """
        guilty: dict[str, Key] = {}
        blamed: set[str] = set()
        for key in silent:
            limit = DATA_TYPES[key[0]].freshness_seconds
            answered_at = self._answered_at.get(key, 0.0)
            carriers = liveness.carriers(key) & self._waits.keys() or set(self._waits)
            blamed |= carriers
            for name in carriers:
                if limit is not None and now - max(answered_at, open_since.get(name, now)) > limit:
                    guilty.setdefault(name, key)
        # A new connection that has not had the feed's time yet has cured nothing yet.
        for name in self._waits.keys() - blamed:
            self._waits[name].reset()
        due = {name: key for name, key in guilty.items() if now >= self._not_before[name]}
        for name in due:
            self._not_before[name] = now + self._waits[name].next(1.0)
        return due
