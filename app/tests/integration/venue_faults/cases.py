"""Which fault is injected where, what makes it matter, and by what the collector has to notice it in which time."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from marketprism.contract.venues import VENUES
from tests.integration.venue_faults.haste import BOOK_SECONDS, REFRESH_SECONDS, TRADE_SECONDS
from tests.integration.venue_faults.signals import Signal

Order = dict[str, Any]

INSTRUMENTS = {
    "binance-spot": ("BTCUSDT", "ETHUSDT"),
    "binance-usdm": ("BTCUSDT", "ETHUSDT"),
    "okx-spot": ("BTC-USDT", "ETH-USDT"),
    "okx-swap": ("BTC-USDT-SWAP", "ETH-USDT-SWAP"),
    "deribit": ("BTC-PERPETUAL", "ETH-PERPETUAL"),
}
"""The exchanges' names of two instruments of each venue: the first has the faults of one, the second is delisted."""

ROUTES = {
    "binance-spot": "spot",
    "binance-usdm": "usdm/public",
    "okx-spot": "public",
    "okx-swap": "public",
    "deribit": "deribit",
}

BOOK_GAP = Signal("gaps_total", 'data_type="orderbook"')
TRADE_GAP = Signal("gaps_total", 'data_type="trade"')
REFUSED = Signal("refused_total")
REPEATED = Signal("refused_total", 'reason="trade_repeated"')
LOSS = Signal("connection_losses_total")
ROTATION = Signal("connection_rotations_total")
RESYNCS = Signal("book_resyncs_total", by=2)
SILENT = Signal("feeds", 'state="silent"')
DELISTED = Signal("feeds", 'state="delisted"')
PAUSED = Signal("feeds", 'state="paused"')
"""What a delisted spot symbol of Binance looks like."""

BLOCKED = Signal("venue_state", 'state="blocked"')
LIMITED = Signal("venue_state", 'state="limited"')
REST_FAILED = Signal("rest_requests_total", 'outcome="failed"')
LIQUIDATION = Signal("events_total", 'data_type="liquidation"')
BEHIND = Signal("clock_skew_seconds", by=-0.5)


SOON_SECONDS = 10.0
"""What the next frame shows is noticed at once; the rest is for a busy machine."""
RARE_SECONDS = 30.0
"""Likewise, where it takes a trade of one instrument, or two, on a busy machine."""
GRACE_SECONDS = 5.0
"""Likewise, on top of a limit."""


@dataclass(frozen=True, slots=True)
class Case:
    """One fault at one venue.

    Attributes:
        parameters: Of the fault.
        then: Further faults, injected right behind it, without which it would not matter.
        signal: By which it is noticed; None where nothing may come of it.
        within: Seconds in which it has to be noticed.
        withdrawn: It lasts until it was noticed.
        lying: Checksums are wrong while it lasts.
        breaks: Connections break, and what is in flight then is lost.
        also: Further venues that it may hit instead: their connections are at the same entrance.
    """

    fault: str
    venue: str
    parameters: Order = field(default_factory=dict)
    then: tuple[Order, ...] = ()
    signal: Signal | None = None
    within: float = SOON_SECONDS
    withdrawn: bool = False
    lying: bool = False
    breaks: bool = False
    also: tuple[str, ...] = ()

    def orders(self) -> list[Order]:
        """Return what is injected, in order."""
        own = {"fault": self.fault, "venue": self.venue, **self.parameters}
        return [own, *({"venue": self.venue, **order} for order in self.then)]

    def __str__(self) -> str:
        """Name it as the table of results does."""
        shown = ", ".join(f"{key} {value}" for key, value in self.parameters.items() if key not in {"symbol", "reason"})
        return f"{self.fault} ({shown})" if shown else self.fault


def _books(venue: str) -> Iterator[Case]:
    first = {"symbol": INSTRUMENTS[venue][0]}
    yield Case("gap", venue, {**first, "count": 3}, signal=BOOK_GAP)
    yield Case("duplicate", venue, {**first, "sort": "depth"})
    yield Case("reordered", venue, {**first, "sort": "depth"}, signal=BOOK_GAP)
    yield Case("corrupted", venue, {**first, "sort": "depth"}, signal=REFUSED)
    yield Case("truncated", venue, {**first, "sort": "depth"}, signal=REFUSED)
    yield Case("huge", venue, {**first, "sort": "depth"})
    yield Case("big-frame", venue, first)
    yield Case("silent", venue, {"sort": "depth", "seconds": 14}, signal=SILENT, within=BOOK_SECONDS + GRACE_SECONDS)


def _trades(venue: str) -> Iterator[Case]:
    first = {"symbol": INSTRUMENTS[venue][0]}
    yield Case("lost-trades", venue, {**first, "count": 3}, signal=TRADE_GAP, within=RARE_SECONDS)
    yield Case("lost", venue, {**first, "count": 30}, signal=Signal("gaps_total"), within=RARE_SECONDS)
    yield Case("duplicate", venue, {**first, "sort": "trade"}, signal=REPEATED, within=RARE_SECONDS)
    yield Case("reordered", venue, {**first, "sort": "trade"}, signal=TRADE_GAP, within=RARE_SECONDS)
    yield Case("corrupted", venue, {**first, "sort": "trade"}, signal=REFUSED, within=RARE_SECONDS)
    yield Case("truncated", venue, {**first, "sort": "trade"}, signal=REFUSED, within=RARE_SECONDS)
    yield Case("silent", venue, {"sort": "trade", "seconds": 18}, signal=SILENT, within=TRADE_SECONDS + GRACE_SECONDS)


def _market(venue: str) -> Iterator[Case]:
    yield Case("burst", venue, {"seconds": 5})
    yield Case("clock-skew", venue, {"milliseconds": 1270, "seconds": 10}, signal=BEHIND)
    gone = PAUSED if venue == "binance-spot" else DELISTED
    yield Case(
        "delisted",
        venue,
        {"symbol": INSTRUMENTS[venue][1]},
        signal=gone,
        within=REFRESH_SECONDS + 2 * GRACE_SECONDS,
        withdrawn=True,
    )
    if not venue.endswith("-spot"):
        yield Case("liquidation", venue, {"count": 2}, signal=LIQUIDATION)
        yield Case("no-funding", venue, {"seconds": 5})


def _connections(venue: str) -> Iterator[Case]:
    also = ("okx-spot",) if venue == "okx-swap" else ()
    yield Case("close", venue, signal=LOSS, also=also, breaks=True)
    yield Case("close", venue, {"code": 1008, "reason": "Too many requests"}, signal=LOSS, also=also, breaks=True)
    yield Case("close-all", venue, signal=LOSS, breaks=True)
    yield Case("lifetime", venue, {"age": 3, "seconds": 2}, signal=LOSS, breaks=True)
    yield Case(
        "wrong-route",
        venue,
        {"route": ROUTES[venue], "seconds": 14},
        signal=SILENT,
        within=BOOK_SECONDS + GRACE_SECONDS,
    )
    for fault in ("forbidden", "geo-blocked"):
        yield Case(fault, venue, {"seconds": 5}, ({"fault": "close-all"},), BLOCKED, breaks=True)


def _rest(venue: str) -> Iterator[Case]:
    first = {"symbol": INSTRUMENTS[venue][0]}
    asks = ({"fault": "gap", **first, "count": 1}, {"fault": "lost-trades", **first, "count": 1})
    yield Case("bad-request", venue, {**first, "count": 2}, asks, REST_FAILED, RARE_SECONDS)
    yield Case("rate-limited", venue, {"count": 1, "retry_after": 8}, asks, LIMITED, RARE_SECONDS)
    yield Case("banned", venue, {"count": 1, "retry_after": 8}, asks, LIMITED, RARE_SECONDS)


def _binance_images(venue: str) -> Iterator[Case]:
    first = {"symbol": INSTRUMENTS[venue][0]}
    gap = ({"fault": "gap", **first, "count": 1},)
    yield Case("edge-snapshot", venue, {**first, "count": 1}, gap, BOOK_GAP)
    yield Case("stale-snapshot", venue, {**first, "count": 1, "seconds": 20}, gap, RESYNCS)
    yield Case("slow-snapshot", venue, first, gap, BOOK_GAP)


def _own(venue: str) -> Iterator[Case]:
    """What only one exchange does."""
    first = {"symbol": INSTRUMENTS[venue][0]}
    asks = ({"fault": "lost-trades", **first, "count": 1},)
    match venue:
        case "binance-spot":
            yield Case("server-shutdown", venue, {"after": 6}, signal=ROTATION, within=6)
        case "okx-spot" | "okx-swap":
            yield Case("empty-update", venue, first)
            yield Case("checksum", venue, {"seconds": 3})
            yield Case("checksum", venue, {**first, "off_by": 1, "seconds": 3}, signal=BOOK_GAP, lying=True)
            yield Case("limit-in-200", venue, {**first, "count": 1}, asks, LIMITED, RARE_SECONDS)
            yield Case("seq-reset", venue, first)
        case "deribit":
            break_book = {"fault": "chain-break", **first}
            yield Case("chain-break", venue, first, signal=BOOK_GAP)
            yield Case("test-request", venue, signal=LOSS, breaks=True)
            yield Case("too-many-requests", venue, then=(break_book,), signal=LOSS, breaks=True)
            yield Case("integer-times", venue, {"seconds": 3}, ({"fault": "close"},), LOSS, breaks=True)
            yield Case(
                "channel-missing",
                venue,
                first,
                ({"fault": "close"},),
                SILENT,
                TRADE_SECONDS + GRACE_SECONDS,
                breaks=True,
            )
    if venue == "okx-swap":
        yield Case("service-upgrade", venue, {"after": 10}, signal=ROTATION)
        silence = tuple({"fault": "silent", "venue": each, "seconds": 16} for each in ("okx-spot", "okx-swap"))
        yield Case("no-pong", venue, {"seconds": 16}, silence, ROTATION, within=TRADE_SECONDS + GRACE_SECONDS)


def _cases(venue: str) -> Iterator[Case]:
    for group in (_books, _trades, _market, _rest):
        yield from group(venue)
    if venue != "okx-spot":  # its connections are those of the swaps' entrance
        yield from _connections(venue)
    if venue.startswith("binance"):
        yield from _binance_images(venue)
    yield from _own(venue)


ALL = tuple(case for venue in VENUES for case in _cases(venue))
"""Every fault at every venue where it can happen."""

SHORT = tuple(
    next(case for case in ALL if (case.fault, case.venue) == wanted)
    for wanted in (
        ("gap", "binance-spot"),
        ("corrupted", "binance-usdm"),
        ("lost-trades", "okx-spot"),
        ("seq-reset", "okx-swap"),
        ("chain-break", "deribit"),
    )
)
"""One for each venue."""

LANES = {"binance-spot": "binance-spot", "binance-usdm": "binance-usdm", "okx-spot": "okx", "okx-swap": "okx"} | {
    "deribit": "deribit"
}
"""Venues of one lane share connections at the exchange: their faults come one after the other."""
