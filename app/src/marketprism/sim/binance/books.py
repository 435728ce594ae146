"""Where Binance's REST answers take symbols and depth snapshots from: the generated markets, or a replay."""

from collections import Counter
from typing import Protocol

from marketprism.sim.binance import frames
from marketprism.sim.floor import Floor
from marketprism.sim.instruments import Listing, MarketKind
from marketprism.sim.market import Market
from marketprism.sim.truth import Row

Levels = list[tuple[int, int]]


class Books(Protocol):
    """Symbols and their books."""

    def listings(self, market: MarketKind) -> list[Listing]:
        """Return the symbols of one market."""
        ...

    def delisted(self, market: MarketKind) -> set[str]:
        """Return those that trade no more."""
        ...

    def snapshot(self, market: MarketKind, symbol: str, limit: int, now_ms: int) -> bytes | None:
        """Return a depth snapshot as JSON; None for a symbol that has none."""
        ...


class GeneratedBooks:
    """The books of the generated markets; a `Books`."""

    def __init__(self, floor: Floor) -> None:
        self._floor = floor
        self._requests: Counter[str] = Counter()

    def listings(self, market: MarketKind) -> list[Listing]:
        """Return the symbols of one market."""
        return [each.listing for each in self._floor.markets[market].values()]

    def delisted(self, market: MarketKind) -> set[str]:
        """Return those that a fault has delisted."""
        return {symbol for symbol, each in self._floor.markets[market].items() if not each.listed}

    def snapshot(self, market: MarketKind, symbol: str, limit: int, now_ms: int) -> bytes | None:
        """Return a book of this moment, or now and then an older one, which a client has to recognise."""
        found = self._floor.market(market, symbol)
        if found is None:
            return None
        update_id, bids, asks = self._book(found)
        frame = frames.snapshot(found.listing, update_id, bids[:limit], asks[:limit], now_ms)
        if self._floor.truth:
            shown = frames.shortened_snapshot(frame)
            self._floor.truth.note(Row("snapshot", market, symbol, "", now_ms, sent=True, event=shown))
        return frames.encode(frame)

    def _book(self, found: Market) -> tuple[int, Levels, Levels]:
        about, stale_every = found.listing, self._floor.settings.stale_every
        self._requests[about.key] += 1
        past = found.book.past() if self._floor.faults.strike("stale-snapshot", about.market, about.symbol) else None
        if past:
            return past
        if self._floor.faults.strike("edge-snapshot", about.market, about.symbol):
            return found.book.published(min(about.traits.depth_periods_ms))
        if stale_every and self._requests[about.key] % stale_every == 0:
            return found.book.published(max(about.traits.depth_periods_ms))
        return found.book.now()
