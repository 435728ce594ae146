"""Which feeds live: a subscription that was acknowledged, on a connection that answers pings, may deliver nothing.

Times are seconds of a monotonic clock.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum

from marketprism.contract.catalog import DATA_TYPES
from marketprism.venues.protocol import ListingState

Key = tuple[str, str]
"""Data type and canonical symbol."""


class FeedState(StrEnum):
    """What a feed can be in."""

    WAITING = "waiting"  # nothing came yet; not too late, or rare by nature
    LIVE = "live"
    SILENT = "silent"  # nothing came for longer than the contract allows
    PAUSED = "paused"  # the exchange has stopped trading
    DELISTED = "delisted"  # the exchange does not list the instrument any more


_UNLISTED = {ListingState.PAUSED: FeedState.PAUSED, ListingState.DELISTED: FeedState.DELISTED}


class Liveness:
    """The feeds of one venue.

    Args:
        feeds: Data types and symbols.
        now: From when on they are waited for.
    """

    def __init__(self, feeds: Iterable[Key], now: float) -> None:
        self._since = dict.fromkeys(feeds, now)
        self._carrier: dict[Key, str] = {}
        self._listed: dict[str, ListingState] = {}

    def expect(self, feeds: Iterable[Key], now: float) -> None:
        """Keep these feeds and no others."""
        self._since = {key: self._since.get(key, now) for key in feeds}
        self._carrier = {key: carrier for key, carrier in self._carrier.items() if key in self._since}

    def seen(self, key: Key, carrier: str, now: float) -> None:
        """Note an event and the name of what brought it: a connection, or REST."""
        self._since[key] = now
        self._carrier[key] = carrier

    def listed(self, states: Mapping[str, ListingState]) -> None:
        """Take what the exchange says about each symbol."""
        self._listed = dict(states)

    def is_delisted(self, symbol: str) -> bool:
        """Tell whether the exchange does not list a symbol any more; nothing is asked for it then."""
        return self._listed.get(symbol) is ListingState.DELISTED

    def carriers(self, key: Key) -> set[str]:
        """Return what brought events of a feed, or of its data type where it brought none; empty when unknown."""
        own = self._carrier.get(key)
        if own is not None:
            return {own}
        return {carrier for (data_type, _), carrier in self._carrier.items() if data_type == key[0]}

    def ages(self, now: float) -> dict[Key, float]:
        """Return the seconds since the newest event; before the first, since it is waited for."""
        return {key: now - since for key, since in self._since.items()}

    def states(self, now: float) -> dict[Key, FeedState]:
        """Return the state of every feed."""
        return {key: self._state(key, now) for key in self._since}

    def silent(self, now: float) -> dict[Key, str]:
        """Return every silent feed and how it fell silent."""
        return {
            key: "went quiet" if key in self._carrier else "acknowledged but silent"
            for key, state in self.states(now).items()
            if state is FeedState.SILENT
        }

    def _state(self, key: Key, now: float) -> FeedState:
        data_type, symbol = key
        unlisted = _UNLISTED.get(self._listed.get(symbol, ListingState.TRADING))
        if unlisted is not None:
            return unlisted
        limit = DATA_TYPES[data_type].freshness_seconds
        if limit is not None and now - self._since[key] > limit:
            return FeedState.SILENT
        return FeedState.LIVE if key in self._carrier else FeedState.WAITING
