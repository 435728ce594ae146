"""The generated exchange: drives the markets by the clock and publishes what happens in them."""

import asyncio
from collections.abc import Sequence
from time import monotonic, time_ns

from marketprism.errors import ConfigurationError, UnavailableError
from marketprism.sim.disturbance import Disturbance
from marketprism.sim.facts import Fact
from marketprism.sim.floor import Floor
from marketprism.sim.injection import Fault
from marketprism.sim.instruments import Listing
from marketprism.sim.market import TICK_MS, Market
from marketprism.sim.publisher import Publisher
from marketprism.sim.state import StateFile, load, starting_state
from marketprism.sim.venue import Venue
from marketprism.telemetry import logs

_LOG = logs.get("sim")
_MOST_LAG_SECONDS = 1.0
_FEWEST_REMEMBERED, _MOST_REMEMBERED = 1_000, 200_000
"""Trades on the tape of one market, and of all together."""


class GeneratedExchange:
    """All generated markets; a `source.Source`.

    Raises:
        ConfigurationError: A symbol cannot be listed, or the state file is not one.
    """

    def __init__(self, floor: Floor, venues: Sequence[Venue]) -> None:
        settings = floor.settings
        self._floor, self._publisher = floor, Publisher(floor)
        self._venues = {market: venue for venue in venues for market in venue.markets if market in settings.markets}
        saved, now_ms = load(settings.state), time_ns() // 1_000_000
        listings = self._listings()
        memory = max(_FEWEST_REMEMBERED, _MOST_REMEMBERED // max(1, len(listings)))
        for about in listings:
            state = starting_state(about, settings.seed, saved, now_ms)
            market = Market(about, seed=settings.seed, rate=settings.rate, state=state, memory=memory)
            floor.markets[about.market][about.symbol] = market
        self._markets = [market for listed in floor.markets.values() for market in listed.values()]
        served = {each.listing.key for each in self._markets}
        others = {key: market for key, market in saved.markets.items() if key not in served} if saved else {}
        self._state = StateFile(settings.state, self._markets, others) if settings.state else None
        self._disturbance = Disturbance(floor.faults, self._markets)
        self._progress = monotonic()

    def strike(self, fault: Fault) -> None:
        """Let a fault of the markets begin."""
        self._disturbance.strike(fault)

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
            self._publish(market.listing, market.flush(), self._floor.now_ms(market.listing.market))
        self._batch()
        self._publisher.finish()
        if self._state:
            try:
                await self._state.save(clean=True)
            except OSError as error:
                _LOG.exception("sim.state_not_saved", reason=str(error))

    def idle_seconds(self) -> float:
        """Tell how long ago the last tick was."""
        return monotonic() - self._progress

    def _listings(self) -> list[Listing]:
        settings = self._floor.settings
        unserved = [market.value for market in settings.markets if market not in self._venues]
        if unserved:
            raise ConfigurationError(
                f"no venue serves {', '.join(unserved)}", remedy=f"serve some of {', '.join(sorted(self._venues))}"
            )
        pairs = settings.pairs()
        described = (self._venues[market].listing(market, each) for market in settings.markets for each in pairs)
        return [about for about in described if about]

    async def _tick(self) -> None:
        due = monotonic()
        while True:
            self._disturbance.refresh()
            for kind, listed in self._floor.markets.items():
                now_ms = self._floor.now_ms(kind)
                for market in listed.values():
                    self._publish(market.listing, market.step(now_ms), now_ms)
            self._batch()
            self._progress = monotonic()
            due += TICK_MS / 1000
            if self._progress - due > _MOST_LAG_SECONDS:
                _LOG.warning("sim.ticks_late", lag_seconds=round(self._progress - due, 3))
                due = self._progress
            await asyncio.sleep(max(0.0, due - self._progress))

    def _publish(self, about: Listing, facts: list[Fact], now_ms: int) -> None:
        venue = self._venues[about.market]
        for fact in facts:
            told = self._disturbance.told(about, fact)
            self._publisher.publish(about.market, venue.publications(about, told, now_ms), now_ms)

    def _batch(self) -> None:
        for market, venue in self._venues.items():
            now_ms = self._floor.now_ms(market)
            self._publisher.publish(market, venue.batch(market, now_ms), now_ms)
