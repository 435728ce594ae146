"""The generated exchange: drives the markets by the clock and publishes what happens in them."""

import asyncio
from collections import Counter
from time import monotonic, time_ns

from marketprism.errors import UnavailableError
from marketprism.sim import frames
from marketprism.sim.hub import Hub
from marketprism.sim.instruments import Listing, MarketKind, listing
from marketprism.sim.market import TICK_MS, Fact, Market
from marketprism.sim.settings import SimSettings
from marketprism.sim.state import StateFile, load, starting_state
from marketprism.sim.truth import TruthLog
from marketprism.telemetry import logs

_LOG = logs.get("sim")
_MOST_LAG_SECONDS = 1.0
_COPY_TICKS = 1000 // TICK_MS

_Copy = tuple[int, list[tuple[int, int]], list[tuple[int, int]]]


class GeneratedExchange:
    """All generated markets; a `source.Source`.

    Raises:
        ConfigurationError: A symbol cannot be listed, or the state file is not one.
    """

    def __init__(self, settings: SimSettings, hub: Hub, truth: TruthLog | None) -> None:
        self._hub, self._truth, self._stale_every = hub, truth, settings.stale_every
        saved, now_ms = load(settings.state), time_ns() // 1_000_000
        listings = [listing(market, symbol) for market in settings.markets for symbol in settings.symbols]
        self._markets = [
            Market(
                each, seed=settings.seed, rate=settings.rate, state=starting_state(each, settings.seed, saved, now_ms)
            )
            for each in listings
        ]
        self._by_symbol = {(each.listing.market, each.listing.symbol): each for each in self._markets}
        served = {each.key for each in listings}
        others = {key: market for key, market in saved.markets.items() if key not in served} if saved else {}
        self._state = StateFile(settings.state, self._markets, others) if settings.state else None
        self._now_ms = 0
        self._progress = monotonic()
        self._requests: Counter[str] = Counter()
        self._copies = {each.listing.key: _copy(each) for each in self._markets}

    def listings(self, market: MarketKind) -> list[Listing]:
        """Return the symbols of one market."""
        return [each.listing for each in self._markets if each.listing.market is market]

    def snapshot(self, market: MarketKind, symbol: str, limit: int, now_ms: int) -> bytes | None:
        """Return a book of this moment, or now and then an older one, which a client has to recognise."""
        found = self._by_symbol.get((market, symbol))
        if found is None:
            return None
        key = found.listing.key
        self._requests[key] += 1
        stale = self._stale_every and self._requests[key] % self._stale_every == 0
        update_id, bids, asks = self._copies[key] if stale else _copy(found)
        frame = frames.snapshot(found.listing, update_id, bids[:limit], asks[:limit], now_ms)
        if self._truth:
            self._truth.snapshot(found.listing, frame, now_ms)
        return frames.encode(frame)

    async def start(self) -> None:
        """Mark the state file as in use; without that a kill could not be told from a clean stop.

        Raises:
            UnavailableError: The state file cannot be written.
        """
        if self._state:
            try:
                await self._state.save(clean=False)
            except OSError as error:
                raise UnavailableError(
                    f"the simulator's state file cannot be written: {error}",
                    remedy="free the disk, or give its folder to the simulator's user",
                ) from error

    async def run(self) -> None:
        """Advance every market each tick; where the machine stalls, the exchange stands still rather than catch up."""
        async with asyncio.TaskGroup() as tasks:
            if self._state:
                tasks.create_task(self._state.run(), name="state")
            tasks.create_task(self._tick(), name="ticks")

    async def stop(self) -> None:
        """Publish the depth changes that were not due yet and save the markets as cleanly stopped."""
        for market in self._markets:
            self._publish(market.listing, market.flush())
        if self._state:
            try:
                await self._state.save(clean=True)
            except OSError as error:
                _LOG.exception("sim.state_not_saved", reason=str(error))

    def idle_seconds(self) -> float:
        """Tell how long ago the last tick was."""
        return monotonic() - self._progress

    async def _tick(self) -> None:
        due, ticks = monotonic(), 0
        while True:
            for market in self._markets:
                self._publish(market.listing, market.step())
            ticks += 1
            if ticks % _COPY_TICKS == 0:
                self._copies = {each.listing.key: _copy(each) for each in self._markets}
            self._progress = monotonic()
            due += TICK_MS / 1000
            if self._progress - due > _MOST_LAG_SECONDS:
                _LOG.warning("sim.ticks_late", lag_seconds=round(self._progress - due, 3))
                due = self._progress
            await asyncio.sleep(max(0.0, due - self._progress))

    def _publish(self, about: Listing, facts: list[Fact]) -> None:
        if not facts:
            return
        now_ms = self._now_ms = max(self._now_ms, time_ns() // 1_000_000)  # event times never run backwards
        for fact in facts:
            target = frames.stream_of(about, fact)
            if target is None:
                continue
            unseen = not self._hub.wanted(*target)
            if unseen and not (self._truth and self._truth.unsent_too):
                self._hub.events += 1
                continue
            frame = frames.event(about, fact, now_ms)
            taken = self._hub.publish(*target, frames.encode(frame))
            if self._truth:
                self._truth.event(about, target[1], fact, frame, now_ms, sent=taken > 0)


def _copy(market: Market) -> _Copy:
    return market.update_id, market.bids.top(), market.asks.top()
