"""Faults that only Deribit has: its results, its heartbeat, its credits, its chain of change ids."""

from time import monotonic

from aiohttp import WSCloseCode

from marketprism.sim.deribit.dialogue import DeribitDialogue
from marketprism.sim.faults import FaultKind, Where
from marketprism.sim.floor import Floor
from marketprism.sim.injection import Fault
from marketprism.sim.instruments import MarketKind

_MARKETS = (MarketKind.DERIBIT,)

FAULTS = (
    FaultKind(
        "channel-missing",
        Where.CONNECTION,
        "A channel is missing in the result of a subscription, and never delivers.",
        count=1,
        markets=_MARKETS,
    ),
    FaultKind(
        "test-request",
        Where.CONNECTION,
        "Connections get a test_request, and are closed that many seconds later as if they had not answered.",
        {"after": 0.0},
        markets=_MARKETS,
        once=True,
    ),
    FaultKind(
        "too-many-requests",
        Where.CONNECTION,
        "Calls are refused with 10028, over WebSocket together with the connection.",
        count=1,
        markets=_MARKETS,
    ),
    FaultKind(
        "integer-times", Where.CONNECTION, "usIn and usOut are numbers, as before 2026.", seconds=60, markets=_MARKETS
    ),
    FaultKind(
        "chain-break",
        Where.FRAME,
        "A book change names a previous id that is not that of the change before it.",
        count=1,
        markets=_MARKETS,
    ),
)


def strike(floor: Floor, fault: Fault) -> None:
    """Ask the connections for a sign of life and doom them; the other faults act where they are asked for."""
    for client in floor.hit(fault) if fault.kind.once else ():
        if isinstance(client.dialogue, DeribitDialogue):
            client.dialogue.ask(client)
            client.doom = monotonic() + fault.seconds("after"), WSCloseCode.POLICY_VIOLATION, "Heartbeat timeout"
            fault.struck += 1
