"""The server of the simulated exchanges: WebSocket and REST of all venues on one port."""

import asyncio
import signal
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from pathlib import Path
from time import monotonic

from aiohttp import WSCloseCode, web

from marketprism.errors import ConfigurationError, MarketPrismError, UnavailableError
from marketprism.sim import control, scenario
from marketprism.sim.binance.replay import ReplayedExchange
from marketprism.sim.binance.venue import Binance
from marketprism.sim.deribit.venue import Deribit
from marketprism.sim.exchange import GeneratedExchange
from marketprism.sim.faults import FAULTS, Where
from marketprism.sim.floor import Floor
from marketprism.sim.hub import Hub
from marketprism.sim.injection import Fault, Faults, Order
from marketprism.sim.okx.venue import Okx
from marketprism.sim.settings import SimSettings
from marketprism.sim.source import Source
from marketprism.sim.truth import TruthLog
from marketprism.sim.venue import Venue
from marketprism.telemetry import logs
from marketprism.telemetry.systemd import notify

_LOG = logs.get("sim")
_DRAIN_SECONDS = 0.5
_STATUS_SECONDS = 5.0
_STALLED_SECONDS = 5.0
_FAULTS_OF_REPLAY = {Where.CONNECTION, Where.REST}
"""Recorded frames are sent as they are, so only what is around them can go wrong."""


class Simulator:
    """The simulated exchanges.

    Args:
        venues: What can be served; by default all there are.

    Attributes:
        port: The bound port, known once `serve` is ready.
        source: What is served.
    """

    def __init__(self, settings: SimSettings, venues: Sequence[Venue] | None = None) -> None:
        if settings.replay and settings.truth:
            raise ConfigurationError(
                "a replay has no truth log: what is sent is what was recorded",
                remedy="leave out --truth and compare with the recordings",
            )
        self.port = settings.port
        self._settings = settings
        self._hub = Hub()
        self._truth = _truth(settings.truth, settings) if settings.truth else None
        self.source: Source
        if settings.replay:
            self.source = recorded = ReplayedExchange(settings, self._hub)
            self._venues: Sequence[Venue] = [Binance(recorded=recorded)]
        else:
            self._venues = venues or [Binance(), Okx(), Deribit()]
        kinds = [*FAULTS, *(fault for venue in self._venues for fault in venue.faults)]
        self.faults = Faults(kind for kind in kinds if not settings.replay or kind.where in _FAULTS_OF_REPLAY)
        self.floor = Floor(settings, self._hub, self.faults, self._truth)
        self._exchange = None if settings.replay else GeneratedExchange(self.floor, self._venues)
        if self._exchange:
            self.source = self._exchange
        self._scenes = scenario.load(settings.scenario) if settings.scenario else []
        for scene in self._scenes:
            self._checked(scene.order)
        self._started = monotonic()

    @property
    def clients(self) -> int:
        """Count of WebSocket connections."""
        return len(self.floor.clients)

    def inject(self, order: Order) -> Fault:
        """Let a fault begin.

        Raises:
            ConfigurationError: It is unknown, a parameter is not one of its own, or nobody lists its symbol.
        """
        self._checked(order)
        fault = self.faults.inject(order)
        _LOG.info("sim.fault_injected", fault=fault.kind.name, venue=order.venue, symbol=fault.symbol, id=fault.id)
        own = [venue for venue in self._venues if fault.kind in venue.faults]
        if own:
            own[0].strike(self.floor, fault)
        elif fault.kind.where is Where.CONNECTION and fault.kind.once:
            self.floor.strike(fault)
        elif fault.kind.where is Where.MARKET and self._exchange:
            self._exchange.strike(fault)
        return fault

    def _checked(self, order: Order) -> None:
        """Refuse a fault that could never strike."""
        self.faults.checked(order)
        listed = [market.listing for markets in self.floor.markets.values() for market in markets.values()]
        symbols = {about.symbol for about in listed if order.venue in {"*", about.market}}
        if order.symbol and listed and order.symbol not in symbols:
            near = ", ".join(get_close_matches(order.symbol, symbols)) or f"one of {len(symbols)} symbols"
            raise ConfigurationError(
                f"symbol {order.symbol!r} is not listed on {order.venue}", remedy=f"use the venue's own name: {near}"
            )

    async def serve(self, stop: asyncio.Event, ready: Callable[[], None] = lambda: None) -> None:
        """Serve until `stop` is set, then publish what is pending and say goodbye to every client.

        `ready` is called once the port is bound and the markets can be asked for.

        Raises:
            UnavailableError: The port is taken, or the state file cannot be written.
        """
        await self.source.start()
        runner = web.AppRunner(self._application(), access_log=None, shutdown_timeout=_DRAIN_SECONDS)
        await runner.setup()
        try:
            site = await self._listen(runner)
            self.port = runner.addresses[0][1]
            _LOG.info("sim.started", bind=self._settings.bind, port=self.port)
            ready()
            await self._run_until(stop)
            notify("STOPPING=1")
            await site.stop()
            await self.source.stop()
            if self._truth:  # before the goodbyes: on a busy computer they outlast a supervisor's patience
                await self._truth.flush()
            await self._dismiss()
        finally:
            await runner.cleanup()
            if self._truth:
                await self._truth.flush()
            _LOG.info("sim.stopped", events=self._hub.events, deliveries=self._hub.deliveries)

    async def _listen(self, runner: web.AppRunner) -> web.TCPSite:
        site = web.TCPSite(runner, self._settings.bind, self._settings.port)
        try:
            await site.start()
        except OSError as error:
            raise UnavailableError(
                f"cannot listen on {self._settings.bind}:{self._settings.port}: {error.strerror or error}",
                remedy=f"see who holds the port with 'ss -ltnp sport = :{self._settings.port}', or choose another",
            ) from error
        return site

    async def _run_until(self, stop: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as tasks:
            work = [self.source.run(), self._report(), self.floor.attend(), scenario.play(self._scenes, self.inject)]
            if self._truth:
                work.append(self._truth.run())
            running = [tasks.create_task(each) for each in work]
            await stop.wait()
            for task in running:
                task.cancel()

    async def _dismiss(self) -> None:
        """Let every client have what was published, for a moment, then close."""
        clients = list(self.floor.clients)
        try:
            async with asyncio.timeout(_DRAIN_SECONDS):
                await asyncio.gather(*(client.drain() for client in clients))
        except TimeoutError:
            _LOG.warning("sim.clients_not_drained", clients=len(clients))
        await asyncio.gather(*(client.close(WSCloseCode.GOING_AWAY, "Server shutdown") for client in clients))

    def _application(self) -> web.Application:
        application = web.Application()
        for venue in self._venues:
            application.add_routes(venue.routes(self.floor))
        application.add_routes(control.routes(self.faults, self.inject))
        application.router.add_get("/health", self._health)
        return application

    async def _health(self, _request: web.Request) -> web.Response:
        """Answer 200 while events are produced, 503 when the markets have stalled."""
        idle = self.source.idle_seconds()
        healthy = idle < _STALLED_SECONDS
        body = {
            "healthy": healthy,
            "idle_seconds": round(idle, 3),
            "uptime_seconds": round(monotonic() - self._started, 1),
            "clients": self.clients,
            "events": self._hub.events,
            "deliveries": self._hub.deliveries,
            "truth_rows_lost": self._truth.lost if self._truth else 0,
        }
        return web.json_response(body, status=200 if healthy else 503)

    async def _report(self) -> None:
        """Keep systemd's status line fresh, and its watchdog fed while the markets move."""
        events = self._hub.events
        while True:
            await asyncio.sleep(_STATUS_SECONDS)
            rate, events = (self._hub.events - events) / _STATUS_SECONDS, self._hub.events
            notify(f"STATUS={rate:.0f} events/s, {self.clients} clients")
            if self.source.idle_seconds() < _STALLED_SECONDS:
                notify("WATCHDOG=1")


def _truth(path: Path, settings: SimSettings) -> TruthLog:
    return TruthLog(
        path, most_bytes=settings.truth_bytes, kept_files=settings.truth_files, unsent_too=settings.truth_all
    )


async def run(settings: SimSettings) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        ConfigurationError: The settings cannot be served, or a recording turns out to be broken.
        UnavailableError: The port is taken, or the state file cannot be written.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        await Simulator(settings).serve(stop, ready=lambda: notify("READY=1"))
    except BaseExceptionGroup as group:
        raise _deliberate(group) or group from None


def _deliberate(error: BaseException) -> MarketPrismError | None:
    """Find the one error that the operator can act on among those that ended together."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error if isinstance(error, MarketPrismError) else None
