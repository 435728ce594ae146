"""Deribit's perpetuals as a venue: JSON-RPC over WebSocket and HTTP, limited in connections and credits."""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from http import HTTPStatus

from aiohttp import web

from marketprism.sim.deribit import faults, refusals
from marketprism.sim.deribit.calls import Desk
from marketprism.sim.deribit.credits import CreditMeter
from marketprism.sim.deribit.dialogue import DeribitDialogue
from marketprism.sim.deribit.instrument import Instrument
from marketprism.sim.deribit.listings import listing
from marketprism.sim.deribit.methods import Methods
from marketprism.sim.deribit.rest import Rest
from marketprism.sim.deribit.rules import DERIBIT_RULES, DeribitRules
from marketprism.sim.facts import Fact
from marketprism.sim.faults import FaultKind
from marketprism.sim.floor import Floor
from marketprism.sim.injection import Fault
from marketprism.sim.instruments import Listing, MarketKind, Pair
from marketprism.sim.venue import Publication

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Deribit:
    """A `venue.Venue`.

    Args:
        rules: Limits; scaled by tests.
    """

    markets: tuple[MarketKind, ...] = (MarketKind.DERIBIT,)
    faults: tuple[FaultKind, ...] = faults.FAULTS

    def __init__(self, rules: DeribitRules = DERIBIT_RULES) -> None:
        self._rules = rules
        self._instruments: dict[str, Instrument] = {}
        self._busy: Counter[str] = Counter()

    def listing(self, market: MarketKind, pair: Pair) -> Listing | None:
        """Describe a pair; None for what has no perpetual here."""
        return listing(pair)

    def routes(self, floor: Floor) -> list[web.RouteDef]:
        """Return both entrances."""
        if MarketKind.DERIBIT not in floor.settings.markets:
            return []
        found = floor.markets[MarketKind.DERIBIT]
        self._instruments = {symbol: Instrument(floor, market) for symbol, market in found.items()}
        channels = {name: each for each in self._instruments.values() for name in each.channels}
        desk = Desk(floor, Methods(self._instruments), CreditMeter(self._rules))

        async def talk(request: web.Request) -> web.StreamResponse:
            dialogue = DeribitDialogue(floor, channels, desk, self._rules, request.remote or "")
            return await floor.admit(request, MarketKind.DERIBIT, dialogue)

        return [
            web.get("/ws/api/v2", self._counted(talk)),
            web.get("/api/v2/{method:.+}", self._counted(Rest(floor, desk).serve)),
        ]

    def publications(self, about: Listing, fact: Fact, now_ms: int) -> Iterable[Publication]:
        """Write one fact, or keep it for `batch`."""
        return self._instruments[about.symbol].publications(fact, now_ms)

    def batch(self, market: MarketKind, now_ms: int) -> Iterable[Publication]:
        """Return the frames of every instrument that are due."""
        for instrument in self._instruments.values():
            yield from instrument.batch(now_ms)

    def strike(self, floor: Floor, fault: Fault) -> None:
        """Ask connections for a sign of life."""
        faults.strike(floor, fault)

    def _counted(self, handler: _Handler) -> _Handler:
        """Refuse what an address asks for beyond its number of connections."""

        async def handle(request: web.Request) -> web.StreamResponse:
            address = request.remote or ""
            if self._busy[address] >= self._rules.connections:
                return refusals.response(HTTPStatus.TOO_MANY_REQUESTS)
            self._busy[address] += 1
            try:
                return await handler(request)
            finally:
                self._busy[address] -= 1

        return handle
