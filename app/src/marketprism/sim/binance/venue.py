"""Binance spot and USD-M futures as a venue: which stream carries which fact, and where clients enter."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field

from aiohttp import web

from marketprism.sim.binance import frames, rest
from marketprism.sim.binance.books import Books, GeneratedBooks
from marketprism.sim.binance.dialogue import BinanceDialogue
from marketprism.sim.binance.listings import listing
from marketprism.sim.binance.rules import ROUTE_OF_PATH, WIRE_RULES, Route, WireRules, market_of
from marketprism.sim.facts import Aggregate, DepthUpdate, Fact, Fill, Top
from marketprism.sim.faults import FaultKind
from marketprism.sim.floor import Floor
from marketprism.sim.injection import Fault
from marketprism.sim.instruments import Listing, MarketKind, Pair
from marketprism.sim.venue import Frame, Publication, Sort

_SPOT_DEPTH = {100: "depth@100ms", 1000: "depth"}
_USDM_DEPTH = {100: "depth@100ms", 250: "depth", 500: "depth@500ms"}

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(slots=True)
class Binance:
    """A `venue.Venue`.

    Attributes:
        rules: Limits of each market.
        books: Where REST answers come from; None for the generated markets.
    """

    rules: dict[MarketKind, WireRules] = field(default_factory=lambda: dict(WIRE_RULES))
    books: Books | None = None
    markets: tuple[MarketKind, ...] = (MarketKind.BINANCE_SPOT, MarketKind.BINANCE_USDM)
    faults: tuple[FaultKind, ...] = ()

    def listing(self, market: MarketKind, pair: Pair) -> Listing | None:
        """Describe a pair; Binance lists whatever is asked for."""
        return listing(market, pair)

    def routes(self, floor: Floor) -> list[web.RouteDef]:
        """Return the entrances of the served markets."""
        found: list[web.RouteDef] = []
        for path, route in ROUTE_OF_PATH.items():
            if market_of(route) in floor.settings.markets:
                raw, combined = (
                    self._entrance(floor, route, combined=False),
                    self._entrance(floor, route, combined=True),
                )
                found += [web.get(f"/{path}/ws", raw), web.get(f"/{path}/ws/{{streams:.+}}", raw)]
                found += [web.get(f"/{path}/stream", combined)]
        return found + rest.routes(floor, self.rules, self.books or GeneratedBooks(floor))

    def publications(self, about: Listing, fact: Fact, now_ms: int) -> Iterable[Publication]:
        """Write one fact; single fills of futures are not published."""
        spot = about.market is MarketKind.BINANCE_SPOT
        match fact:
            case Fill() if spot:
                yield _frame(about, Route.SPOT, Sort.TRADE, "trade", lambda: frames.trade(about, fact, now_ms))
            case Aggregate():
                route = Route.SPOT if spot else Route.USDM_MARKET
                yield _frame(about, route, Sort.TRADE, "aggTrade", lambda: frames.aggregate(about, fact, now_ms))
            case Top():
                route = Route.SPOT if spot else Route.USDM_PUBLIC
                yield _frame(about, route, Sort.TOP, "bookTicker", lambda: frames.ticker(about, fact, now_ms))
            case DepthUpdate():
                yield Publication(
                    (Route.SPOT if spot else Route.USDM_PUBLIC, _stream(about, _depth_name(fact, spot=spot))),
                    Sort.DEPTH,
                    "depthUpdate",
                    about.symbol,
                    lambda: frames.depth(about, fact, now_ms),
                    frames.shortened_depth(about, fact),
                )

    def batch(self, market: MarketKind, now_ms: int) -> Iterable[Publication]:
        """Nothing of Binance is about several facts."""
        return ()

    def strike(self, floor: Floor, fault: Fault) -> None:
        """There is no fault of Binance alone."""

    def _entrance(self, floor: Floor, route: Route, *, combined: bool) -> _Handler:
        market = market_of(route)

        async def handle(request: web.Request) -> web.StreamResponse:
            names = request.query.get("streams", "") if combined else request.match_info.get("streams", "")
            streams = [name for name in names.split("/") if name]
            dialogue = BinanceDialogue(route, self.rules[market], streams, combined=combined)
            return await floor.admit(request, market, dialogue)

        return handle


def _frame(about: Listing, route: Route, sort: Sort, kind: str, render: Callable[[], Frame]) -> Publication:
    return Publication((route, _stream(about, kind)), sort, kind, about.symbol, render)


def _stream(about: Listing, name: str) -> str:
    return f"{about.symbol.lower()}@{name}"


def _depth_name(update: DepthUpdate, *, spot: bool) -> str:
    return (_SPOT_DEPTH if spot else _USDM_DEPTH)[update.period_ms]
