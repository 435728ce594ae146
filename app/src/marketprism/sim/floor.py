"""What a venue sees of the simulator: the markets, who listens, the faults, and the clock of the exchange."""

import asyncio
from time import monotonic, time_ns

from aiohttp import WSCloseCode, web

from marketprism.sim.connection import Connection, Dialogue
from marketprism.sim.faults import REFUSALS
from marketprism.sim.hub import Hub
from marketprism.sim.injection import Fault, Faults
from marketprism.sim.instruments import MarketKind
from marketprism.sim.market import Market
from marketprism.sim.settings import SimSettings
from marketprism.sim.truth import TruthLog

_ATTENTION_SECONDS = 0.05
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

    async def admit(
        self, request: web.Request, kind: MarketKind, dialogue: Dialogue, *, also: tuple[MarketKind, ...] = ()
    ) -> web.StreamResponse:
        """Serve a WebSocket connection to its end, or refuse it where a fault or the limit of clients says so.

        `also` names further markets that the entrance serves.
        """
        for name in _HANDSHAKE_REFUSALS:
            if any(self.faults.strike(name, market) for market in (kind, *also)):
                return dialogue.refused(REFUSALS[name])
        if len(self.clients) >= self.settings.max_clients:
            return web.Response(status=503, text="too many clients; see --max-clients\n")
        client = Connection(self.hub, (kind, *also), dialogue, queue_frames=self.settings.queue_frames)
        self.clients.add(client)
        try:
            return await client.serve(request)
        finally:
            self.clients.discard(client)

    def hit(self, fault: Fault) -> list[Connection]:
        """Return the connections that a fault is about, the oldest first."""
        hit = [client for client in self.clients if any(fault.meets(market, fault.symbol) for market in client.markets)]
        return sorted(hit, key=lambda client: client.opened_at)

    def strike(self, fault: Fault) -> None:
        """Doom the connections that a fault ends."""
        hit = self.hit(fault)
        for client in hit if fault.left is None else hit[: fault.left]:
            client.doom = monotonic() + fault.seconds("after"), fault.number("code"), fault.text("reason")
            fault.struck += 1

    async def attend(self) -> None:
        """Close connections whose time has come, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                await asyncio.sleep(_ATTENTION_SECONDS)
                now = monotonic()
                for client in list(self.clients):
                    self._age(client, now)
                    if client.doom and now >= client.doom[0]:
                        _, code, reason = client.doom
                        client.doom = None
                        tasks.create_task(client.close(code, reason))

    def _age(self, client: Connection, now: float) -> None:
        for market in client.markets:
            fault = self.faults.active("lifetime", market)
            if fault and client.doom is None and now - client.opened_at >= fault.seconds("age"):
                self.faults.strike("lifetime", market)
                client.doom = now, WSCloseCode.GOING_AWAY, "Connection lifetime"
