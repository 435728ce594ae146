"""Which stream of which route carries which fact."""

from collections.abc import Callable, Iterable

from marketprism.sim.binance import figures, frames
from marketprism.sim.binance.rules import Route
from marketprism.sim.facts import Aggregate, DepthUpdate, Fact, Fill, Liquidation, Mark, Top
from marketprism.sim.instruments import Listing
from marketprism.sim.venue import Frame, Publication, Sort

ALL_MARKS, ALL_MARKS_SLOW = "!markPrice@arr@1s", "!markPrice@arr"
ALL_LIQUIDATIONS = "!forceOrder@arr"
_SPOT_DEPTH = {100: "depth@100ms", 1000: "depth"}
_USDM_DEPTH = {100: "depth@100ms", 250: "depth", 500: "depth@500ms"}
_SLOW_MARK_SECONDS = 3
_LARGEST_SHARE = 77
"""Percent of the rows that the first of the two frames of all mark prices holds."""

_CM_EVERY = 20


def spot(about: Listing, fact: Fact, now_ms: int) -> Iterable[Publication]:
    """Write one fact of the spot market."""
    match fact:
        case Fill():
            yield _own(about, Route.SPOT, Sort.TRADE, "trade", lambda: frames.trade(about, fact, now_ms))
        case Aggregate():
            yield _own(about, Route.SPOT, Sort.TRADE, "aggTrade", lambda: frames.aggregate(about, fact, now_ms))
        case Top():
            yield _own(about, Route.SPOT, Sort.TOP, "bookTicker", lambda: frames.ticker(about, fact, now_ms))
        case DepthUpdate():
            yield _depth(about, (Route.SPOT, _SPOT_DEPTH[fact.period_ms]), fact, now_ms)


def usdm(about: Listing, fact: Fact, now_ms: int) -> Iterable[Publication]:
    """Write one fact of the futures market; single fills are not published."""
    market, public = Route.USDM_MARKET, Route.USDM_PUBLIC
    match fact:
        case Aggregate():
            yield _own(about, market, Sort.TRADE, "aggTrade", lambda: frames.aggregate(about, fact, now_ms))
        case Top():
            yield _own(about, public, Sort.TOP, "bookTicker", lambda: frames.ticker(about, fact, now_ms))
        case DepthUpdate():
            yield _depth(about, (public, _USDM_DEPTH[fact.period_ms]), fact, now_ms)
        case Mark():
            yield from _mark(about, fact, now_ms)
        case Liquidation():
            yield from _liquidation(about, fact, now_ms)


def all_marks(marks: list[tuple[Listing, Mark]], now_ms: int) -> Iterable[Publication]:
    """Write the mark prices of all symbols: two frames a second, rows of coin-margined contracts among them."""

    def rows() -> list[Frame]:
        own = [figures.mark_price(about, mark, now_ms) for about, mark in marks]
        return own + [
            figures.coin_margined(row, about.base)
            for row, (about, _) in zip(own[::_CM_EVERY], marks[::_CM_EVERY], strict=True)
        ]

    cut = max(1, len(marks) * _LARGEST_SHARE // 100)
    streams = [ALL_MARKS] if now_ms // 1000 % _SLOW_MARK_SECONDS else [ALL_MARKS, ALL_MARKS_SLOW]
    for stream in streams:
        yield _all(stream, Sort.FUNDING, "markPriceUpdate", "", lambda: rows()[:cut])
        yield _all(stream, Sort.FUNDING, "markPriceUpdate", "", lambda: rows()[cut:])


def _mark(about: Listing, fact: Mark, now_ms: int) -> Iterable[Publication]:
    names = ["markPrice@1s"] if now_ms // 1000 % _SLOW_MARK_SECONDS else ["markPrice@1s", "markPrice"]
    for name in names:
        yield Publication(
            (Route.USDM_MARKET, _stream(about, name)),
            Sort.FUNDING,
            "markPriceUpdate",
            about.symbol,
            lambda: figures.mark_price(about, fact, now_ms),
        )


def _liquidation(about: Listing, fact: Liquidation, now_ms: int) -> Iterable[Publication]:
    """Write a liquidation to its own stream and to that of all symbols, where coin-margined ones turn up as well."""

    def render() -> Frame:
        return figures.force_order(about, fact, now_ms)

    yield _own(about, Route.USDM_MARKET, Sort.LIQUIDATION, "forceOrder", render)
    yield _all(
        ALL_LIQUIDATIONS, Sort.LIQUIDATION, "forceOrder", about.symbol, lambda: figures.in_array(render(), about.symbol)
    )
    if fact.first_id % 3 == 0:
        yield _all(
            ALL_LIQUIDATIONS, Sort.LIQUIDATION, "forceOrder", "", lambda: figures.coin_margined(render(), about.base)
        )


def _depth(about: Listing, place: tuple[Route, str], update: DepthUpdate, now_ms: int) -> Publication:
    route, name = place
    return Publication(
        (route, _stream(about, name)),
        Sort.DEPTH,
        "depthUpdate",
        about.symbol,
        lambda: frames.depth(about, update, now_ms),
        frames.shortened_depth(about, update),
    )


def _own(about: Listing, route: Route, sort: Sort, kind: str, render: Callable[[], Frame]) -> Publication:
    """Publish on a stream of the symbol that is named like its event."""
    return Publication((route, _stream(about, kind)), sort, kind, about.symbol, render)


def _all(stream: str, sort: Sort, kind: str, symbol: str, render: Callable[[], Frame | list[Frame]]) -> Publication:
    return Publication((Route.USDM_MARKET, stream), sort, kind, symbol, render)


def _stream(about: Listing, name: str) -> str:
    return f"{about.symbol.lower()}@{name}"
