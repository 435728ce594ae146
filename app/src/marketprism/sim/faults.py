"""The faults that every venue can have, in one table; a venue adds those of its own wire."""

from dataclasses import dataclass, field
from enum import StrEnum

from marketprism.sim.instruments import TRAITS, MarketKind

Value = int | float | str


class Where(StrEnum):
    """Which part of the simulator a fault acts in."""

    MARKET = "market"
    FRAME = "frame"
    CONNECTION = "connection"
    REST = "rest"


@dataclass(frozen=True, slots=True)
class FaultKind:
    """A fault by name.

    Attributes:
        parameters: Further parameters with their defaults; an injected value must be of the default's type.
        seconds: How long it lasts by default; None for as long as its count.
        count: How often it strikes by default; None for as long as it lasts.
        markets: Where it can happen; empty means everywhere.
        once: It acts at the moment of injection and is over then; its count says how many it hits.
    """

    name: str
    where: Where
    summary: str
    parameters: dict[str, Value] = field(default_factory=dict)
    seconds: float | None = None
    count: int | None = None
    markets: tuple[MarketKind, ...] = ()
    once: bool = False


REFUSALS = {"bad-request": 400, "forbidden": 403, "banned": 418, "rate-limited": 429, "geo-blocked": 451}
"""Faults that refuse REST requests, with their status; 403 and 451 refuse WebSocket handshakes as well."""

_DERIVATIVES = tuple(market for market, traits in TRAITS.items() if traits.derivative)

_MARKET = (
    FaultKind(
        "clock-skew",
        Where.MARKET,
        "The venue's clock runs ahead, or behind where negative: event times and server time.",
        {"milliseconds": -1270},
        seconds=60,
    ),
    FaultKind(
        "burst",
        Where.MARKET,
        "Traders do so many times as much, up to 500 trades a second.",
        {"factor": 10},
        seconds=10,
    ),
    FaultKind("big-frame", Where.MARKET, "One depth update changes so many levels.", {"levels": 1226}, once=True),
    FaultKind(
        "liquidation",
        Where.MARKET,
        "So many positions are liquidated, one a second.",
        count=1,
        markets=_DERIVATIVES,
        once=True,
    ),
    FaultKind(
        "no-funding",
        Where.MARKET,
        "No funding is scheduled: its time is 0 and its rate is nothing.",
        seconds=30,
        markets=_DERIVATIVES,
    ),
    FaultKind("delisted", Where.MARKET, "A symbol trades no more, until the fault is withdrawn."),
    FaultKind(
        "edge-snapshot", Where.MARKET, "Snapshots show the book right after a depth update, not in between.", count=3
    ),
    FaultKind(
        "stale-snapshot", Where.MARKET, "Snapshots are older than every update from now on.", seconds=30, count=3
    ),
)

_FRAME = (
    FaultKind("gap", Where.FRAME, "Depth updates are not sent.", count=3),
    FaultKind("lost-trades", Where.FRAME, "Trades are not sent.", count=3),
    FaultKind("lost", Where.FRAME, "Frames of one sort, or of all, are not sent.", {"sort": ""}, count=3),
    FaultKind(
        "silent", Where.FRAME, "Streams are acknowledged and alive, and deliver nothing.", {"sort": ""}, seconds=60
    ),
    FaultKind(
        "wrong-route",
        Where.FRAME,
        "One entrance, such as usdm/market, acknowledges everything and delivers nothing.",
        {"route": ""},
        seconds=60,
    ),
    FaultKind("duplicate", Where.FRAME, "Frames are sent twice.", {"sort": ""}, count=3),
    FaultKind("reordered", Where.FRAME, "Frames are sent behind their successor.", {"sort": ""}, count=1),
    FaultKind("corrupted", Where.FRAME, "Frames are no JSON.", {"sort": ""}, count=1),
    FaultKind("truncated", Where.FRAME, "Frames break off in the middle.", {"sort": ""}, count=1),
    FaultKind(
        "huge", Where.FRAME, "Frames have an unknown field of so many MB.", {"sort": "", "megabytes": 10}, count=1
    ),
)

_CONNECTION = (
    FaultKind(
        "close",
        Where.CONNECTION,
        "The oldest connections end with a code; 1006 breaks them off.",
        {"code": 1006, "reason": "", "after": 0.0},
        count=1,
        once=True,
    ),
    FaultKind(
        "close-all",
        Where.CONNECTION,
        "All connections end at the same moment.",
        {"code": 1012, "reason": "Service restart", "after": 0.0},
        once=True,
    ),
    FaultKind("lifetime", Where.CONNECTION, "Connections are cut at this age.", {"age": 30.0}, seconds=300),
)

_REST = (
    FaultKind("bad-request", Where.REST, "Answered 400, and still charged.", {"retry_after": 0}, count=1),
    FaultKind("forbidden", Where.REST, "Answered 403, handshakes as well.", {"retry_after": 0}, seconds=30),
    FaultKind("geo-blocked", Where.REST, "Answered 451, handshakes as well.", {"retry_after": 0}, seconds=30),
    FaultKind(
        "rate-limited",
        Where.REST,
        "Answered 429; who goes on so often is answered 418.",
        {"retry_after": 30, "ban_after": 10, "ban_seconds": 120},
        seconds=30,
    ),
    FaultKind("banned", Where.REST, "Answered 418.", {"retry_after": 120}, seconds=120),
    FaultKind(
        "slow-snapshot", Where.REST, "Snapshots are answered late, as old as the request.", {"delay": 5.0}, count=1
    ),
)

FAULTS = _MARKET + _FRAME + _CONNECTION + _REST
