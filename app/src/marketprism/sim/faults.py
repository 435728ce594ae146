"""The faults that every venue can have, in one table; a venue adds those of its own wire."""

from dataclasses import dataclass, field
from enum import StrEnum

from marketprism.sim.instruments import MarketKind

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
        once: It acts at the moment of injection and is over then.
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

FAULTS = (
    FaultKind(
        "clock-skew",
        Where.MARKET,
        "The venue's clock runs ahead (or behind, negative): event times and server time.",
        {"milliseconds": -1270},
        seconds=60,
    ),
    *(
        FaultKind(name, Where.REST, f"REST requests are answered {status}.", {"retry_after": 30}, seconds=30)
        for name, status in REFUSALS.items()
    ),
)
