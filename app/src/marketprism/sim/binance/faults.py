"""Faults that only Binance has: its notice of a shutdown."""

from time import monotonic

from aiohttp import WSCloseCode

from marketprism.sim.binance import control
from marketprism.sim.binance.dialogue import BinanceDialogue
from marketprism.sim.faults import FaultKind, Where
from marketprism.sim.floor import Floor
from marketprism.sim.injection import Fault
from marketprism.sim.instruments import MarketKind

FAULTS = (
    FaultKind(
        "server-shutdown",
        Where.CONNECTION,
        "Connections are told of a shutdown, and closed that many seconds later.",
        {"after": 10.0},
        markets=(MarketKind.BINANCE_SPOT,),
        once=True,
    ),
)


def strike(floor: Floor, fault: Fault) -> None:
    """Announce the shutdown, wrapped or bare as the connection wants it, and doom the connection."""
    now_ms = floor.now_ms(MarketKind.BINANCE_SPOT)
    for client in floor.hit(fault):
        if MarketKind.BINANCE_SPOT in client.markets and isinstance(client.dialogue, BinanceDialogue):
            client.send(client.dialogue.frame(control.SHUTDOWN_STREAM, control.shutdown(now_ms)))
            client.doom = monotonic() + fault.seconds("after"), WSCloseCode.GOING_AWAY, "Server shutdown"
            fault.struck += 1
