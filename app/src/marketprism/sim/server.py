"""The simulated exchange's server: WebSocket and REST of all markets on one port."""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from time import monotonic

from aiohttp import WSCloseCode, web

from marketprism.errors import ConfigurationError, MarketPrismError, UnavailableError
from marketprism.sim import rest
from marketprism.sim.connection import Connection
from marketprism.sim.exchange import GeneratedExchange
from marketprism.sim.hub import Hub
from marketprism.sim.replay import ReplayedExchange
from marketprism.sim.rules import ROUTE_OF_PATH, Route, market_of
from marketprism.sim.settings import SimSettings
from marketprism.sim.source import Source
from marketprism.sim.truth import TruthLog
from marketprism.telemetry import logs
from marketprism.telemetry.systemd import notify

_LOG = logs.get("sim")
_DRAIN_SECONDS = 0.5
_STATUS_SECONDS = 5.0
_STALLED_SECONDS = 5.0

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Simulator:
    """One simulated exchange.

    Attributes:
        port: The bound port, known once `serve` is ready.
        source: What is served.
    """

    def __init__(self, settings: SimSettings) -> None:
        if settings.replay and settings.truth:
            raise ConfigurationError(
                "a replay has no truth log: what is sent is what was recorded",
                remedy="leave out --truth and compare with the recordings",
            )
        self.port = settings.port
        self._settings = settings
        self._hub = Hub()
        self._clients: set[Connection] = set()
        self._truth = (
            TruthLog(
                settings.truth,
                most_bytes=settings.truth_bytes,
                kept_files=settings.truth_files,
                unsent_too=settings.truth_all,
            )
            if settings.truth
            else None
        )
        self.source: Source = (
            ReplayedExchange(settings, self._hub)
            if settings.replay
            else GeneratedExchange(settings, self._hub, self._truth)
        )
        self._started = monotonic()

    @property
    def clients(self) -> int:
        """Count of WebSocket connections."""
        return len(self._clients)

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
            running = [tasks.create_task(self.source.run()), tasks.create_task(self._report())]
            if self._truth:
                running.append(tasks.create_task(self._truth.run()))
            await stop.wait()
            for task in running:
                task.cancel()

    async def _dismiss(self) -> None:
        """Let every client have what was published, for a moment, then close."""
        clients = list(self._clients)
        try:
            async with asyncio.timeout(_DRAIN_SECONDS):
                await asyncio.gather(*(client.drain() for client in clients))
        except TimeoutError:
            _LOG.warning("sim.clients_not_drained", clients=len(clients))
        await asyncio.gather(*(client.close(WSCloseCode.GOING_AWAY, "Server shutdown") for client in clients))

    def _application(self) -> web.Application:
        application = web.Application()
        for path, route in ROUTE_OF_PATH.items():
            if market_of(route) in self._settings.markets:
                for form in ("ws", "stream"):
                    handler = self._websocket(route, combined=form == "stream")
                    application.router.add_get(f"/{path}/{form}", handler)
                application.router.add_get(f"/{path}/ws/{{streams:.+}}", self._websocket(route, combined=False))
        application.add_routes(rest.routes(self._settings, self.source))
        application.router.add_get("/health", self._health)
        return application

    def _websocket(self, route: Route, *, combined: bool) -> _Handler:
        rules = self._settings.rules[market_of(route)]

        async def handle(request: web.Request) -> web.StreamResponse:
            if len(self._clients) >= self._settings.max_clients:
                return web.Response(status=503, text="too many clients; see --max-clients\n")
            names = request.query.get("streams", "") if combined else request.match_info.get("streams", "")
            client = Connection(self._hub, route, rules, combined=combined, queue_frames=self._settings.queue_frames)
            self._clients.add(client)
            try:
                return await client.serve(request, [name for name in names.split("/") if name])
            finally:
                self._clients.discard(client)

        return handle

    async def _health(self, _request: web.Request) -> web.Response:
        """Answer 200 while events are produced, 503 when the markets have stalled."""
        idle = self.source.idle_seconds()
        healthy = idle < _STALLED_SECONDS
        body = {
            "healthy": healthy,
            "idle_seconds": round(idle, 3),
            "uptime_seconds": round(monotonic() - self._started, 1),
            "clients": len(self._clients),
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
            notify(f"STATUS={rate:.0f} events/s, {len(self._clients)} clients")
            if self.source.idle_seconds() < _STALLED_SECONDS:
                notify("WATCHDOG=1")


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
