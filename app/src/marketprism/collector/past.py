"""The past of one venue over REST, within its budget, to where the live events go."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

from marketprism.collector import listing
from marketprism.collector.allowance import Allowance
from marketprism.collector.collection import RATE_LIMITED
from marketprism.collector.groups import unwrapped
from marketprism.collector.proxies import Proxies
from marketprism.collector.rest import RestClient
from marketprism.collector.state import LIMITED_WAIT_SECONDS, Condition, VenueState
from marketprism.contract.instruments import Instrument
from marketprism.contract.venues import VENUES
from marketprism.errors import MarketPrismError, UnavailableError
from marketprism.pipeline.outputs import Record
from marketprism.pipeline.past import Piece, boundary
from marketprism.settings import CollectorSettings, VenueSettings
from marketprism.venues.protocol import RestRequest
from marketprism.venues.registry import DIALECTS

ATTEMPTS = 3
"""Times that one request is sent before its piece is given up; a venue's own waits come between."""

PAUSE_SECONDS = 0.5
"""Before each request: OKX takes five in two seconds for one instrument's ratios, and the collector asks as well."""


class UnknownTimeError(MarketPrismError):
    """The venue does not tell which trade a time begins with."""


class Past:
    """The past of some instruments.

    Args:
        name: The venue's.
        instruments: As the venue lists them.
        rest: Asks the venue.
        state: What it answers.
        publish: Takes each event.
    """

    def __init__(
        self,
        name: str,
        instruments: Sequence[Instrument],
        rest: RestClient,
        state: VenueState,
        publish: Callable[[Record], Awaitable[None]],
    ) -> None:
        self.venue = DIALECTS[name].adapter(instruments, VENUES[name].data_types)
        self.instruments = {instrument.symbol: instrument for instrument in instruments}
        self.name = name
        self._rest = rest
        self._state = state
        self._publish = publish

    async def locate(self, instrument: Instrument, time_us: int) -> int:
        """Return the id with which the trades from a time on begin.

        Raises:
            UnknownTimeError: The venue has no trade that tells it.
            UnavailableError: The venue does not answer.
        """
        request = self.venue.history_request("trade", instrument, time_us, time_us)
        assert request is not None, "every venue has trades of the past"
        found = boundary(self.venue, request, await self._ask(request), time_us)
        if isinstance(found, str):
            remedy = "choose a time between the oldest and the newest trade that the venue still gives"
            raise UnknownTimeError(
                f"{self.name} does not tell the trade of {instrument} at that time: {found}", remedy=remedy
            )
        return found

    async def fill(self, piece: Piece) -> int:
        """Fetch and publish a piece as far as the venue gives it; return how many events that were.

        Raises:
            UnavailableError: The venue blocks this address.
        """
        published = limits = 0
        while (request := piece.request()) is not None:
            try:
                body = await self._ask(request)
            except UnavailableError as error:
                if self._state.condition(time.time_ns()) is Condition.BLOCKED:
                    raise
                piece.problem = error.message
                break
            for record in piece.answer(request, body, time.time_ns()):
                await self._publish(record)
                published += 1
            if piece.problem.startswith(RATE_LIMITED) and limits < ATTEMPTS:
                self._rest.limit(piece.problem, LIMITED_WAIT_SECONDS, time.time_ns())
                piece.problem, limits = "", limits + 1
        for record in piece.end(time.time_ns()):
            await self._publish(record)
        return published

    async def _ask(self, request: RestRequest) -> bytes:
        await asyncio.sleep(PAUSE_SECONDS)
        for _ in range(ATTEMPTS - 1):
            try:
                return await self._rest.get(request)
            except UnavailableError:
                if self._state.condition(time.time_ns()) is Condition.BLOCKED:
                    raise
        return await self._rest.get(request)


@asynccontextmanager
async def past(
    name: str,
    settings: VenueSettings,
    collector: CollectorSettings,
    symbols: Sequence[str],
    publish: Callable[[Record], Awaitable[None]],
) -> AsyncIterator[Past]:
    """Look the instruments up, and ask for their past until the context ends.

    Args:
        name: The venue's name in the settings.
        settings: Its addresses.
        collector: Proxies and bounds.
        symbols: Canonical symbols.
        publish: Takes each event.

    Raises:
        UnavailableError: The venue does not answer.
        ConfigurationError: It does not list one of the symbols.
    """
    dialect, state, allowance = DIALECTS[name], VenueState(name), Allowance(collector.max_connections)
    rest = RestClient(
        venue=name,
        base_url=settings.rest_url,
        proxy=Proxies.of(collector, settings).route(settings.rest_url),
        budget=allowance.weight(VENUES[name].exchange, settings.rest_url, dialect.weight_per_minute),
        places=allowance.places,
        state=state,
    )
    with unwrapped():
        async with asyncio.TaskGroup() as tasks:
            asking = tasks.create_task(rest.run(), name=f"{name} rest")
            try:
                listings = await listing.fetch(dialect.directory, symbols, rest)
                state.started()
                yield Past(name, listing.require_listed(name, symbols, listings), rest, state, publish)
            finally:
                asking.cancel()
