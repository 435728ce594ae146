"""Binance spot and USD-M futures as a venue."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from http import HTTPStatus

from aiohttp import web

from marketprism.sim.binance import faults, refusals, rest, streams
from marketprism.sim.binance.books import Books
from marketprism.sim.binance.dialogue import BinanceDialogue
from marketprism.sim.binance.listings import listing
from marketprism.sim.binance.polls import Latest
from marketprism.sim.binance.rules import ROUTE_OF_PATH, WIRE_RULES, Route, WireRules, market_of
from marketprism.sim.facts import Fact, Mark, OpenInterest
from marketprism.sim.faults import FaultKind
from marketprism.sim.floor import Floor
from marketprism.sim.injection import Fault
from marketprism.sim.instruments import Listing, MarketKind, Pair
from marketprism.sim.venue import Publication
from marketprism.sim.weights import WeightMeter

_HANDSHAKE_SECONDS = 300
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(slots=True)
class Binance:
    """A `venue.Venue`.

    Attributes:
        rules: Limits of each market.
        recorded: Books of a replay, instead of the generated markets.
    """

    rules: dict[MarketKind, WireRules] = field(default_factory=lambda: dict(WIRE_RULES))
    recorded: Books | None = None
    markets: tuple[MarketKind, ...] = (MarketKind.BINANCE_SPOT, MarketKind.BINANCE_USDM)
    faults: tuple[FaultKind, ...] = faults.FAULTS
    _marks: list[tuple[Listing, Mark]] = field(default_factory=list)
    _latest: Latest = field(default_factory=dict)

    def listing(self, market: MarketKind, pair: Pair) -> Listing | None:
        """Describe a pair; Binance lists whatever is asked for."""
        return listing(market, pair)

    def routes(self, floor: Floor) -> list[web.RouteDef]:
        """Return the entrances of the served markets."""
        found: list[web.RouteDef] = []
        for path, route in ROUTE_OF_PATH.items():
            if market_of(route) in floor.settings.markets:
                most = self.rules[market_of(route)].handshakes
                gate = WeightMeter(most, _HANDSHAKE_SECONDS) if most else None
                raw, combined = (self._entrance(floor, route, gate, combined=each) for each in (False, True))
                found += [web.get(f"/{path}/ws", raw), web.get(f"/{path}/ws/{{streams:.+}}", raw)]
                found += [web.get(f"/{path}/stream", combined)]
        return found + rest.routes(floor, self.rules, self.recorded, self._latest)

    def publications(self, about: Listing, fact: Fact, now_ms: int) -> Iterable[Publication]:
        """Write one fact; marks wait for the frame of all symbols, slow figures for whoever asks."""
        if about.market is MarketKind.BINANCE_SPOT:
            return streams.spot(about, fact, now_ms)
        if isinstance(fact, Mark):
            self._marks.append((about, fact))
        if isinstance(fact, Mark | OpenInterest):
            self._latest[about.symbol, type(fact)] = fact, now_ms
        return streams.usdm(about, fact, now_ms)

    def batch(self, market: MarketKind, now_ms: int) -> Iterable[Publication]:
        """Write the mark prices of all symbols, once a second."""
        if market is MarketKind.BINANCE_SPOT or not self._marks:
            return ()
        marks, self._marks = self._marks, []
        return streams.all_marks(marks, now_ms)

    def strike(self, floor: Floor, fault: Fault) -> None:
        """Announce a shutdown."""
        faults.strike(floor, fault)

    def _entrance(self, floor: Floor, route: Route, gate: WeightMeter | None, *, combined: bool) -> _Handler:
        market = market_of(route)

        async def handle(request: web.Request) -> web.StreamResponse:
            verdict = gate.charge(request.remote or "", 1, floor.now_ms(market)) if gate else None
            if verdict and verdict.status != HTTPStatus.OK:
                return refusals.response(verdict.status, {"Retry-After": str(verdict.retry_after)})
            names = request.query.get("streams", "") if combined else request.match_info.get("streams", "")
            wanted = [name for name in names.split("/") if name]
            dialogue = BinanceDialogue(route, self.rules[market], wanted, combined=combined)
            return await floor.admit(request, market, dialogue)

        return handle
