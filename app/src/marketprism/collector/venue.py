"""One venue: its instruments are looked up first, then collected, and looked up again every hour."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping

from marketprism.collector import listing
from marketprism.collector.allowance import Allowance
from marketprism.collector.backoff import Backoff
from marketprism.collector.collection import Collection
from marketprism.collector.dialing import Dialing
from marketprism.collector.liveness import FeedState, Key, Liveness
from marketprism.collector.proxies import Proxies, masked
from marketprism.collector.rest import RestClient
from marketprism.collector.session import Session
from marketprism.collector.state import VenueState
from marketprism.contract.instruments import Instrument
from marketprism.contract.venues import VENUES, place
from marketprism.errors import ContractError, UnavailableError
from marketprism.pipeline.feed import Feed
from marketprism.pipeline.outputs import FeedCounters, Record
from marketprism.settings import CollectorSettings, VenueSettings
from marketprism.telemetry import logs
from marketprism.telemetry.watchdog import Beat
from marketprism.venues.protocol import SECOND_NS, Listing, ListingState
from marketprism.venues.registry import DIALECTS

REFRESH_SECONDS = 3600.0
RETRY_CAP_SECONDS = 60.0
"""Longest wait before the list of instruments is asked for again; a blocked venue's waits are longer by themselves."""

_log = logs.get("venue")


class VenueCollector:
    """Runs one venue until cancelled.

    Args:
        name: The venue's name in the settings.
        settings: Its addresses, symbols and data types.
        collector: What holds for all venues.
        allowance: Shared by all venues.
        sink: Takes each event; what it waits for holds the reading of the venue up.
        tap: Sees every frame and every answer of the feed's requests as received, with the nanoseconds of receipt.
    """

    def __init__(
        self,
        name: str,
        settings: VenueSettings,
        *,
        collector: CollectorSettings,
        allowance: Allowance,
        sink: Callable[[Record], Awaitable[None]],
        tap: Callable[[bytes, int], None] | None = None,
    ) -> None:
        exchange = VENUES[name].exchange
        self.name = name
        self.data_types = settings.data_types
        self.state = VenueState(name)
        self.collection: Collection | None = None
        self._dialect = DIALECTS[name]
        self._settings = settings
        self._collector = collector
        self._sink = sink
        self._tap = tap
        self._proxies = Proxies.of(collector, settings)
        self._listed: dict[str, ListingState] = {}
        self._liveness = Liveness(_configured(name, settings), time.monotonic())
        self._dialing = Dialing(
            proxy=self._proxies.route(settings.ws_url),
            attempts=allowance.attempts(exchange),
            places=allowance.places,
            state=self.state,
            first_wait_seconds=collector.reconnect_seconds,
            rotation_seconds=collector.rotation_seconds,
        )
        self.rest = RestClient(
            venue=name,
            base_url=settings.rest_url,
            proxy=self._proxies.route(settings.rest_url),
            budget=allowance.weight(exchange, settings.rest_url, self._dialect.weight_per_minute),
            places=allowance.places,
            state=self.state,
        )

    @property
    def sessions(self) -> Mapping[str, Session]:
        """The connections by name; none before the instruments are known."""
        return self.collection.sessions if self.collection is not None else {}

    @property
    def counters(self) -> FeedCounters:
        """What went through the feed."""
        return self.collection.feed.counters if self.collection is not None else FeedCounters()

    @property
    def skew_seconds(self) -> float | None:
        """Our clock minus the exchange's; None while that is not known."""
        return self.collection.skew.seconds if self.collection is not None else None

    def ages(self) -> dict[Key, float]:
        """Return the seconds since the newest event (at first: since the start) by data type and symbol."""
        return self._liveness.ages(time.monotonic())

    def feed_states(self) -> dict[Key, FeedState]:
        """Return the state of every feed."""
        return self._liveness.states(time.monotonic())

    def stale(self) -> list[str]:
        """Name the silent feeds: ``binance-spot trade BTC-USDT``. Paused and delisted ones are not among them."""
        return [f"{self.name} {' '.join(key)}" for key in self._liveness.silent(time.monotonic())]

    def book_states(self) -> dict[str, str]:
        """Return the state of each book; empty where none is collected."""
        if self.collection is None or "orderbook" not in self.data_types:
            return {}
        return {instrument.symbol: state for instrument, state in self.collection.feed.book_states().items()}

    async def run(self, beat: Beat) -> None:
        """Collect for ever; `beat` shows that time-driven work goes on.

        Raises:
            ConfigurationError: A configured symbol is not listed, as the only one of a group of exceptions.
        """
        if self._dialing.proxy is not None:
            _log.info("proxied", venue=self.name, proxy=masked(self._dialing.proxy))
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.rest.run(), name=f"{self.name} rest")
            with beat.waiting(f"the instruments of {self.name}"):
                listings = await self._fetch()
            instruments = listing.require_listed(self.name, self._settings.symbols, listings)
            self._note(listings)
            self.state.started()
            while True:
                instruments = await self._collect(instruments, beat)

    async def _collect(self, instruments: list[Instrument], beat: Beat) -> list[Instrument]:
        """Collect until the exchange changes one of the instruments; return what they are then."""
        adapter = self._dialect.adapter(instruments, self.data_types)
        self._liveness.expect([(name, each.symbol) for name, each in adapter.feeds()], time.monotonic())
        feed = Feed(
            adapter,
            book_depth=self._collector.book_depth,
            book_interval_ns=int(self._collector.book_interval_seconds * SECOND_NS),
            book_changes="orderbook_delta" in self.data_types,
        )
        self.collection = Collection(
            self.name,
            self._settings.ws_url,
            adapter,
            feed,
            rest=self.rest,
            liveness=self._liveness,
            dialing=self._dialing,
            sink=self._sink,
            tap=self._tap,
        )
        async with asyncio.TaskGroup() as tasks:
            collecting = tasks.create_task(self.collection.run(beat), name=f"{self.name} collection")
            changed = await self._until_changed(instruments)
            collecting.cancel()
        return changed

    async def _until_changed(self, instruments: list[Instrument]) -> list[Instrument]:
        while True:
            await asyncio.sleep(REFRESH_SECONDS)
            listings = await self._fetch()
            self._note(listings)
            listed = [listings[i.symbol].instrument if i.symbol in listings else i for i in instruments]
            if listed != instruments:
                _log.warning("instruments changed, starting anew", venue=self.name)
                return listed

    async def _fetch(self) -> dict[str, Listing]:
        """Ask for the list of instruments until it comes."""
        waits = Backoff(first=self._collector.reconnect_seconds, cap=RETRY_CAP_SECONDS, floor=1.0)
        while True:
            try:
                return await listing.fetch(self._dialect.directory, self._settings.symbols, self.rest)
            except (UnavailableError, ContractError) as error:
                self.state.waits(error.message)
                wait_seconds = waits.next(1.0)
                _log.warning("instruments not known", venue=self.name, reason=str(error), wait_seconds=wait_seconds)
                await asyncio.sleep(wait_seconds)

    def _note(self, listings: Mapping[str, Listing]) -> None:
        """Take what the exchange says about each symbol, and log what is new."""
        states = listing.states(self._settings.symbols, listings)
        for symbol, state in states.items():
            if state is not self._listed.get(symbol, ListingState.TRADING):
                _log.warning(state.value, venue=self.name, symbol=symbol)
        self._listed = states
        self._liveness.listed(states)


def _configured(name: str, settings: VenueSettings) -> list[Key]:
    """Return data type and symbol of everything that the settings ask for."""
    return [
        (data_type, place(name, data_type, symbol)[1])
        for data_type in settings.data_types
        for symbol in settings.symbols
    ]
