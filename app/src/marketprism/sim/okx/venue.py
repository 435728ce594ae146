"""OKX spot and swaps as a venue: both markets behind one WebSocket entrance and one REST path."""

from collections.abc import Awaitable, Callable, Iterable
from itertools import count
from time import monotonic
from zlib import crc32

from aiohttp import web

from marketprism.sim.facts import Fact
from marketprism.sim.faults import FaultKind
from marketprism.sim.floor import Floor
from marketprism.sim.injection import Fault
from marketprism.sim.instruments import Listing, MarketKind, Pair
from marketprism.sim.okx import faults, refusals, rest
from marketprism.sim.okx.dialogue import OkxDialogue
from marketprism.sim.okx.instrument import Instrument
from marketprism.sim.okx.limits import RequestWindow
from marketprism.sim.okx.listings import listing
from marketprism.sim.okx.requests import Entrance
from marketprism.sim.okx.rules import OKX_RULES, OkxRules
from marketprism.sim.venue import Publication

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Okx:
    """A `venue.Venue`.

    Args:
        rules: Limits; scaled down by tests.
    """

    markets: tuple[MarketKind, ...] = (MarketKind.OKX_SPOT, MarketKind.OKX_SWAP)
    faults: tuple[FaultKind, ...] = faults.FAULTS

    def __init__(self, rules: OkxRules = OKX_RULES) -> None:
        self._rules = rules
        self._instruments: dict[str, Instrument] = {}
        self._handshakes = RequestWindow(rules.connections_per_second, 1)
        self._connections = count(1)

    def listing(self, market: MarketKind, pair: Pair) -> Listing | None:
        """Describe a pair; None for spot against dollars."""
        return listing(market, pair)

    def routes(self, floor: Floor) -> list[web.RouteDef]:
        """Return the entrances; both serve spot and swaps."""
        served = [market for market in self.markets if market in floor.settings.markets]
        if not served:
            return []
        self._instruments = {
            symbol: Instrument(floor, market, self._rules)
            for kind in served
            for symbol, market in floor.markets[kind].items()
        }
        return [
            *(web.get(f"/ws/v5/{entrance}", self._entrance(floor, served, entrance)) for entrance in Entrance),
            *rest.routes(floor, self._instruments),
        ]

    def publications(self, about: Listing, fact: Fact, now_ms: int) -> Iterable[Publication]:
        """Write one fact."""
        return self._instruments[about.symbol].publications(fact, now_ms)

    def batch(self, market: MarketKind, now_ms: int) -> Iterable[Publication]:
        """Return the empty book updates of silent markets."""
        for instrument in self._instruments.values():
            if instrument.listing.market is market:
                yield from instrument.depth.silence(now_ms)

    def strike(self, floor: Floor, fault: Fault) -> None:
        """Announce a service upgrade."""
        faults.strike(floor, fault)

    def _entrance(self, floor: Floor, served: list[MarketKind], entrance: Entrance) -> _Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            if not self._handshakes.admit(request.remote or "", monotonic()):
                return refusals.response(429)
            connection_id = f"{crc32(str(next(self._connections)).encode()):08x}"
            dialogue = OkxDialogue(floor, self._instruments, self._rules, entrance, connection_id)
            return await floor.admit(request, served[0], dialogue, also=tuple(served[1:]))

        return handle
