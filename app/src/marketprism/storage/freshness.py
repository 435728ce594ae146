"""How old the newest stored event of each feed is, and which feeds are too old. Never a reason to restart."""

from collections.abc import Mapping
from dataclasses import dataclass

from marketprism.contract.catalog import DATA_TYPES
from marketprism.contract.venues import VENUES, feeds
from marketprism.settings import Settings
from marketprism.storage.writer import Feed

_MICROSECONDS = 1_000_000


@dataclass(frozen=True, slots=True)
class Age:
    """The state of one feed.

    Attributes:
        feed: Data type, exchange and market: ``trade binance.spot``.
        seconds: Age of its newest stored event; of the service itself where none was seen yet.
        limit: Age from which it is stale.
        seen: Whether any event was seen.
    """

    feed: str
    seconds: float
    limit: float
    seen: bool

    @property
    def is_stale(self) -> bool:
        """Whether the feed is too old."""
        return self.seconds > self.limit

    def __str__(self) -> str:
        if not self.seen:
            return f"{self.feed}: nothing stored in the {self.seconds:.0f} s since the start, limit {self.limit:.0f} s"
        return f"{self.feed}: newest event is {self.seconds:.0f} s old, limit {self.limit:.0f} s"


class Freshness:
    """Newest stored events by feed, of the configured source only: replayed history is old by nature.

    Args:
        settings: Name the feeds that are expected: the data types of every enabled venue.
        started_us: UTC microseconds when the service started.
    """

    def __init__(self, settings: Settings, started_us: int) -> None:
        self._source = settings.source.value
        self._started_us = started_us
        self._newest: dict[Feed, int | None] = dict.fromkeys(expected_feeds(settings))

    def note(self, newest_us: Mapping[Feed, int]) -> None:
        """Take note of event times that were stored."""
        for feed, time_us in newest_us.items():
            if feed[0] == self._source:
                self._newest[feed] = max(self._newest.get(feed) or 0, time_us)

    def ages(self, now_us: int) -> list[Age]:
        """Return the state of every feed that is expected or was seen; types that may be silent have none."""
        return [
            Age(
                feed=f"{data_type} {exchange}.{market}",
                seconds=round((now_us - (newest or self._started_us)) / _MICROSECONDS, 3),
                limit=limit,
                seen=newest is not None,
            )
            for (_, data_type, exchange, market), newest in self._newest.items()
            if (limit := DATA_TYPES[data_type].freshness_seconds) is not None
        ]


def expected_feeds(settings: Settings) -> list[Feed]:
    """Name the feeds that the enabled venues are configured to keep fresh."""
    found = [
        (settings.source.value, data_type, VENUES[name].exchange.value, market.value)
        for name, venue in settings.venues.items()
        if venue.enabled
        for data_type, market, _ in feeds(name, venue.symbols, venue.data_types)
    ]
    return list(dict.fromkeys(found))
