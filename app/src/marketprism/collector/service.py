"""The collector as a service: start order, readiness, and a stop that lets everything received reach NATS."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

from prometheus_client import CollectorRegistry

from marketprism.collector.allowance import Allowance
from marketprism.collector.durability import sync_warning
from marketprism.collector.groups import unwrapped
from marketprism.collector.publisher import Publisher
from marketprism.collector.report import Reporter
from marketprism.collector.spool import Spool
from marketprism.collector.venue import VenueCollector
from marketprism.contract.events import Trade
from marketprism.errors import ConfigurationError
from marketprism.nats_login import NatsLogin
from marketprism.pipeline.outputs import Record
from marketprism.settings import Settings
from marketprism.telemetry import logs
from marketprism.telemetry.health import HealthServer
from marketprism.telemetry.metrics import CollectorMetrics
from marketprism.telemetry.systemd import notify
from marketprism.telemetry.watchdog import Watchdog, status_interval

NATS_USER = "collector"
DRAIN_SECONDS = 6.0
"""Longest wait at the end for acknowledgements; what has none by then goes to the spool."""
STALLED_SECONDS = 60.0
"""A publisher that has a connection, no named cause and events in flight must publish something in this time."""
WATCH_SECONDS = 1.0
START_EXTENSION = "EXTEND_TIMEOUT_USEC=30000000"

_log = logs.get("collector")


class CollectorService:
    """Collects all enabled venues into NATS.

    Args:
        settings: Everything that can be set.

    Raises:
        ConfigurationError: No venue is enabled, or the NATS credential cannot be read.
    """

    def __init__(self, settings: Settings) -> None:
        enabled = {name: venue for name, venue in settings.venues.items() if venue.enabled}
        if not enabled:
            raise ConfigurationError("no venue is enabled", remedy="set venues.<name>.enabled to true for one at least")
        self._settings = settings
        self._registry = CollectorRegistry()
        self._watchdog = Watchdog()
        self._publisher = Publisher(
            login=NatsLogin.of(settings, NATS_USER),
            spool=Spool(settings.collector.spool_directory, settings.collector.spool_bytes),
            on_ack=self._acknowledged,
        )
        self._allowance = Allowance(settings.collector.max_connections)
        self._venues = [
            VenueCollector(
                name,
                venue,
                collector=settings.collector,
                allowance=self._allowance,
                sink=self._sink(name),
            )
            for name, venue in enabled.items()
        ]
        self._reporter = Reporter(self._venues, self._publisher, self._watchdog, self._allowance.places, time.monotonic)
        self._metrics = CollectorMetrics(self._registry, enabled, self._reporter.sample)

    async def run(self, stop: asyncio.Event) -> None:
        """Collect until `stop` is set, then deliver what is in flight.

        Raises:
            UnavailableError: A port is taken.
            ConfigurationError: NATS refuses the credentials, or an exchange does not list a configured symbol.
        """
        with unwrapped():
            await self._run(stop)

    async def _run(self, stop: asyncio.Event) -> None:
        async with AsyncExitStack() as stack:
            for port in (self._settings.collector.health_port, self._settings.collector.metrics_port):
                await self._listen(stack, port)
            publisher = await stack.enter_async_context(self._publisher)
            async with asyncio.TaskGroup() as background:
                chores = [
                    background.create_task(self._become_ready(), name="readiness"),
                    background.create_task(self._watch_publisher(), name="publisher watch"),
                    background.create_task(self._watchdog.run(self._reporter.status), name="watchdog"),
                ]
                try:
                    await self._collect(stop)
                finally:  # what one venue fails by is no reason to lose what was received from all
                    notify("STOPPING=1")
                    await _drain(publisher)
                    for chore in chores:
                        chore.cancel()

    def _acknowledged(self, seconds: float) -> None:
        self._metrics.ack_seconds.observe(seconds)

    async def _listen(self, stack: AsyncExitStack, port: int) -> None:
        server = HealthServer(
            bind=self._settings.collector.bind, port=port, registry=self._registry, report=self._reporter.report
        )
        await server.start()
        stack.push_async_callback(server.stop)

    async def _collect(self, stop: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as producers:
            tasks = [
                producers.create_task(venue.run(self._watchdog.loop(venue.name)), name=venue.name)
                for venue in self._venues
            ]
            await stop.wait()
            for task in tasks:
                task.cancel()

    async def _become_ready(self) -> None:
        waiting = asyncio.create_task(self._publisher.wait_connected())
        try:
            while not waiting.done():
                notify(START_EXTENSION)  # NATS may come much later than we do
                await asyncio.wait([waiting], timeout=status_interval(None))
        finally:
            waiting.cancel()
        waiting.result()
        self._reporter.ready = True
        notify(f"READY=1\nSTATUS={self._reporter.status()}")
        warning = await sync_warning(self._settings.nats.monitor_url)
        if warning is not None:
            self._reporter.warnings.append(warning)
            _log.warning("acknowledged is not on disk", cause=warning)
        _log.info("ready", venues=[venue.name for venue in self._venues], source=self._settings.source)

    async def _watch_publisher(self) -> None:
        beat = self._watchdog.loop("publisher", STALLED_SECONDS)
        before = -1
        while True:
            published = self._publisher.published + self._publisher.counters.recovered
            if published != before or self._publisher.causes or not self._publisher.in_flight:
                beat.progress()
            before = published
            await asyncio.sleep(WATCH_SECONDS)

    def _sink(self, venue: str) -> Callable[[Record], Awaitable[None]]:
        async def sink(record: Record) -> None:
            event = record.event
            if isinstance(event, Trade):
                self._metrics.latency[venue].observe(event.receive_ns / 1e9 - event.event_us / 1e6)
            await self._publisher.publish(record.data_type, self._settings.source, record.instrument, event)

        return sink


async def _drain(publisher: Publisher) -> None:
    try:
        async with asyncio.timeout(DRAIN_SECONDS):
            await publisher.drain()
    except TimeoutError:
        kept = await publisher.keep()
        events = publisher.in_flight + publisher.spooled
        if kept:
            _log.warning("stopped with events in the spool", events=events, causes=publisher.causes)
        else:
            _log.error("stopped with events lost", events=events, causes=publisher.causes)
    else:
        _log.info("stopped", published=publisher.published)
