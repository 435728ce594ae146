"""Faults that only OKX has: its notice, its chain of sequence ids, its checksum, its pong."""

from time import monotonic

from aiohttp import WSCloseCode

from marketprism.sim.faults import FaultKind, Where
from marketprism.sim.floor import Floor
from marketprism.sim.injection import Fault
from marketprism.sim.instruments import MarketKind
from marketprism.sim.okx.dialogue import OkxDialogue

_MARKETS = (MarketKind.OKX_SPOT, MarketKind.OKX_SWAP)

FAULTS = (
    FaultKind(
        "service-upgrade",
        Where.CONNECTION,
        "Connections get notice 64008, and are closed that many seconds later.",
        {"after": 60.0},
        markets=_MARKETS,
        once=True,
    ),
    FaultKind("no-pong", Where.CONNECTION, "The text ping stays unanswered.", seconds=60, markets=_MARKETS),
    FaultKind(
        "empty-update",
        Where.FRAME,
        "An empty book update comes before the next one, as after a minute without change.",
        count=1,
        markets=_MARKETS,
    ),
    FaultKind(
        "seq-reset",
        Where.FRAME,
        "The next book update starts sequence ids from small numbers again, as after maintenance; nothing is lost.",
        count=1,
        markets=_MARKETS,
    ),
    FaultKind(
        "checksum",
        Where.FRAME,
        "Books carry the CRC32 of before June 2026 instead of 0; off_by is added to it.",
        {"off_by": 0},
        seconds=60,
        markets=_MARKETS,
    ),
    FaultKind(
        "limit-in-200",
        Where.REST,
        "REST requests are refused with code 50011 under HTTP status 200.",
        seconds=30,
        markets=_MARKETS,
    ),
)


def strike(floor: Floor, fault: Fault) -> None:
    """Announce a service upgrade on the connections and doom them; the other faults act where they are asked for."""
    for client in floor.hit(fault) if fault.kind.once else ():
        if isinstance(client.dialogue, OkxDialogue):
            client.dialogue.warn(client)
            client.doom = monotonic() + fault.seconds("after"), WSCloseCode.GOING_AWAY, "Service upgrade"
            fault.struck += 1
