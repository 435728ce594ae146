"""What a venue is to the simulator: its names, its wire format, its entrances and its own faults.

The core generates facts (`facts`), asks the venue to write each of them (`Venue.publications`), tampers with what an
active fault names, hands the frames to the subscribers of their channel and notes all of it in the truth log.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from aiohttp import web

from marketprism.sim.facts import Fact
from marketprism.sim.faults import FaultKind
from marketprism.sim.floor import Floor
from marketprism.sim.hub import Channel
from marketprism.sim.injection import Fault
from marketprism.sim.instruments import Listing, MarketKind, Pair

Frame = dict[str, Any]
"""A JSON object of the wire, in the order of its fields."""


class Sort(StrEnum):
    """What a publication is about, so that a fault can name it on any venue."""

    TRADE = "trade"
    DEPTH = "depth"
    TOP = "top"
    FUNDING = "funding"
    OPEN_INTEREST = "open-interest"
    LIQUIDATION = "liquidation"
    VOLATILITY = "volatility"


@dataclass(frozen=True, slots=True)
class Publication:
    """One frame of one channel. Nothing is rendered where nobody listens.

    Attributes:
        channel: Entrance and stream; the key under which connections subscribe at the hub.
        kind: The venue's word for it in the truth log, such as ``aggTrade``.
        symbol: The venue's own name; empty for a frame about many.
        render: Builds the frame.
        truth: Shortens the frame for the truth log, a depth update for instance; None notes it whole,
            a list under ``rows``.
    """

    channel: Channel
    sort: Sort
    kind: str
    symbol: str
    render: Callable[[], Frame | list[Frame]]
    truth: Callable[[Any], Frame] | None = None


class Venue(Protocol):
    """One exchange. It keeps no clock: times are given, and shifted where a fault shifts the venue's clock.

    Attributes:
        markets: The markets that it serves.
        faults: Faults that only this venue knows, besides those of `faults.FAULTS`.
    """

    markets: tuple[MarketKind, ...]
    faults: tuple[FaultKind, ...]

    def listing(self, market: MarketKind, pair: Pair) -> Listing | None:
        """Describe a pair under the venue's own name; None where the venue does not list it."""
        ...

    def routes(self, floor: Floor) -> list[web.RouteDef]:
        """Return the entrances of those markets that `floor` serves: WebSocket and REST.

        A WebSocket handler calls `floor.admit` with a dialogue of its own; see `connection.Dialogue`. A REST handler
        asks `floor.faults.refusal` first and answers it in the venue's words, and delays snapshots by the fault
        ``slow-snapshot``.
        """
        ...

    def publications(self, about: Listing, fact: Fact, now_ms: int) -> Iterable[Publication]:
        """Write one fact, as no, one or several frames; called in the order in which facts happen.

        A venue may keep a fact for a frame about several (see `batch`), or for its REST answers.
        """
        ...

    def batch(self, market: MarketKind, now_ms: int) -> Iterable[Publication]:
        """Return the frames that are about several facts or about silence; called after each tick of 25 ms."""
        ...

    def strike(self, floor: Floor, fault: Fault) -> None:
        """Do what one of the venue's own `faults` does at once; windows are asked for with `floor.faults.active`."""
        ...
