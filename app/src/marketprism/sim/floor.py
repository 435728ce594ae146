"""What a venue sees of the simulator: the markets, who listens, the faults, and the clock of the exchange."""

from time import time_ns

from aiohttp import web

from marketprism.sim.connection import Connection, Dialogue
from marketprism.sim.faults import REFUSALS
from marketprism.sim.hub import Hub
from marketprism.sim.injection import Faults
from marketprism.sim.instruments import MarketKind
from marketprism.sim.market import Market
from marketprism.sim.settings import SimSettings
from marketprism.sim.truth import TruthLog

_HANDSHAKE_REFUSALS = ("forbidden", "geo-blocked")


class Floor:
    """The trading floor.

    Attributes:
        markets: What is generated, by market and the venue's own symbol; empty in a replay.
        clients: Open WebSocket connections.
    """

    def __init__(self, settings: SimSettings, hub: Hub, faults: Faults, truth: TruthLog | None) -> None:
        self.settings, self.hub, self.faults, self.truth = settings, hub, faults, truth
        self.markets: dict[MarketKind, dict[str, Market]] = {kind: {} for kind in settings.markets}
        self.clients: set[Connection] = set()
        self._wall_ms = 0

    def market(self, kind: MarketKind, symbol: str) -> Market | None:
        """Return a market by the venue's own name."""
        return self.markets.get(kind, {}).get(symbol)

    def now_ms(self, kind: MarketKind) -> int:
        """Return the venue's time: the wall clock, which never runs backwards here, unless a fault shifts it."""
        self._wall_ms = max(self._wall_ms, time_ns() // 1_000_000)
        fault = self.faults.active("clock-skew", kind)
        return self._wall_ms + (fault.number("milliseconds") if fault else 0)

    async def admit(self, request: web.Request, kind: MarketKind, dialogue: Dialogue) -> web.StreamResponse:
        """Serve a WebSocket connection to its end, or refuse it where a fault or the limit of clients says so."""
        for name in _HANDSHAKE_REFUSALS:
            if self.faults.strike(name, kind):
                return dialogue.refused(REFUSALS[name])
        if len(self.clients) >= self.settings.max_clients:
            return web.Response(status=503, text="too many clients; see --max-clients\n")
        client = Connection(self.hub, kind, dialogue, queue_frames=self.settings.queue_frames)
        self.clients.add(client)
        try:
            return await client.serve(request)
        finally:
            self.clients.discard(client)
