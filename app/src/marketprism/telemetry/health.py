"""The HTTP face of a service: whether it lives, is ready and is healthy, and its metrics."""

import errno
from collections.abc import Callable
from dataclasses import dataclass

import msgspec
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from marketprism.errors import ConfigurationError, UnavailableError


@dataclass(frozen=True, slots=True)
class Report:
    """What a service says about itself.

    Attributes:
        live: Its loops turn; a service that is not live is restarted.
        ready: It has everything it needs to take part.
        healthy: What it is for is happening, missing data included; false never restarts anything.
        details: For people and for ``marketprism health``; must be encodable as JSON.
    """

    live: bool
    ready: bool
    healthy: bool
    details: dict[str, object]


class HealthServer:
    """Serves ``/live``, ``/ready``, ``/health`` (200 or 503, JSON) and ``/metrics`` (Prometheus text).

    Args:
        bind: Address to listen on.
        port: TCP port; 0 takes any free one, see `port`.
        registry: What ``/metrics`` shows.
        report: Called once per request.
    """

    def __init__(self, *, bind: str, port: int, registry: CollectorRegistry, report: Callable[[], Report]) -> None:
        self._bind = bind
        self._port = port
        self._registry = registry
        self._report = report
        self._runner: web.AppRunner | None = None

    @property
    def port(self) -> int:
        """The port that is listened on; after `start` never 0."""
        return self._port

    async def start(self) -> None:
        """Listen.

        Raises:
            UnavailableError: The port is taken.
            ConfigurationError: The address is not one of this machine, or the port needs more rights.
        """
        app = web.Application()
        app.router.add_get("/live", self._live)
        app.router.add_get("/ready", self._ready)
        app.router.add_get("/health", self._health)
        app.router.add_get("/metrics", self._metrics)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await runner.setup()
        try:
            await web.TCPSite(runner, self._bind, self._port).start()
        except OSError as error:
            await runner.cleanup()
            raise _explain(error, self._bind, self._port) from error
        self._runner = runner
        self._port = runner.addresses[0][1]

    async def stop(self) -> None:
        """Close the port; harmless when it is not open."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _live(self, _request: web.Request) -> web.Response:
        report = self._report()
        return _answer(report, passed=report.live)

    async def _ready(self, _request: web.Request) -> web.Response:
        report = self._report()
        return _answer(report, passed=report.ready)

    async def _health(self, _request: web.Request) -> web.Response:
        report = self._report()
        return _answer(report, passed=report.healthy)

    async def _metrics(self, _request: web.Request) -> web.Response:
        return web.Response(body=generate_latest(self._registry), headers={"Content-Type": CONTENT_TYPE_LATEST})


def _answer(report: Report, *, passed: bool) -> web.Response:
    body = {"live": report.live, "ready": report.ready, "healthy": report.healthy, "details": report.details}
    return web.Response(
        status=200 if passed else 503, body=msgspec.json.encode(body), headers={"Content-Type": "application/json"}
    )


def _explain(error: OSError, bind: str, port: int) -> UnavailableError | ConfigurationError:
    if error.errno == errno.EADDRINUSE:
        return UnavailableError(
            f"port {port} on {bind} is taken",
            remedy=f"see by whom with 'ss -ltnp sport = :{port}', stop that or set another port",
        )
    return ConfigurationError(
        f"cannot listen on {bind}:{port}: {error.strerror or error}",
        remedy="set a bind address of this machine and a port above 1023",
    )
