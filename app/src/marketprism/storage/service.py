"""The storage service: one flow per stream, one process per consumer."""

import asyncio
import contextlib
import os
import signal
import time
from collections import Counter, deque
from collections.abc import Mapping

from marketprism.clickhouse_http import ClickHouseHttp
from marketprism.contract.catalog import CLICKHOUSE_USERS, HOT_DATABASE, STREAMS
from marketprism.contract.tables import TABLES
from marketprism.errors import MarketPrismError, UnavailableError
from marketprism.lock import only_one, state_directory
from marketprism.settings import Settings
from marketprism.storage.clickhouse import ClickHouse
from marketprism.storage.flow import Flow
from marketprism.storage.freshness import Freshness
from marketprism.storage.link import Link
from marketprism.storage.metrics import Gauges, StorageMetrics
from marketprism.storage.purge import Purge
from marketprism.storage.retention import drop_old
from marketprism.storage.server_mark import ServerMark, boot_id
from marketprism.storage.tier import Tier
from marketprism.storage.writer import Writer
from marketprism.telemetry import logs
from marketprism.telemetry.health import HealthServer, Report
from marketprism.telemetry.systemd import notify
from marketprism.telemetry.watchdog import Watchdog

_FLOW_LIMIT_SECONDS = 120.0
"""One turn may take an insert that times out, and its probes."""

_MEASURE_SECONDS = 2.0
_UNREADY_SECONDS = 0.1
_RATE_WINDOW = 5
_RETENTION_SECONDS = 600.0
_log = logs.get("storage")


def connect(settings: Settings) -> ClickHouse:
    """Make a connection as the writer."""
    return ClickHouse(
        host=settings.clickhouse.host,
        native_port=settings.clickhouse.native_port,
        http_port=settings.clickhouse.http_port,
        user=CLICKHOUSE_USERS["writer"],
        password=settings.credential("clickhouse-writer"),
    )


class HotStorage:
    """Everything of one running service.

    Raises:
        ConfigurationError: This boot has no name.
    """

    def __init__(self, settings: Settings, environ: Mapping[str, str]) -> None:
        self._settings = settings
        self._directory = state_directory(environ)
        boot = boot_id(environ)
        self._stop = asyncio.Event()
        self._link = Link(settings)
        self._watchdog = Watchdog()
        self._freshness = Freshness(settings, time.time_ns() // 1000)
        streams = [stream for stream in STREAMS.values() if stream.consumer is not None]
        self._metrics = StorageMetrics(streams=[s.name for s in streams], data_types=TABLES)
        marks = [ServerMark(self._directory, boot, stream.name) for stream in streams]
        self._flows = [
            Flow(
                stream=stream,
                settings=settings,
                link=self._link,
                writer=Writer(connect(settings), HOT_DATABASE, stream),
                server=mark,
                metrics=self._metrics,
                freshness=self._freshness,
                beat=self._watchdog.loop(stream.name, _FLOW_LIMIT_SECONDS),
                stop=self._stop,
            )
            for stream, mark in zip(streams, marks, strict=True)
        ]
        self._purges = [
            Purge(self._link, stream, self._metrics, mark) for stream, mark in zip(streams, marks, strict=True)
        ]
        self._hot = Tier(ClickHouseHttp(settings, "mover"), HOT_DATABASE)
        self._dropped_days = 0
        self._samples: deque[tuple[float, Counter[str]]] = deque(maxlen=_RATE_WINDOW)
        self._metrics.registry.register(Gauges(self._gauges))

    async def run(self) -> None:
        """Run until SIGTERM or SIGINT.

        Raises:
            UnavailableError: Another writer runs, a port is taken, or NATS refuses the user.
            ConfigurationError: The state directory or the health address cannot be used.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        storage = self._settings.storage
        health = HealthServer(
            bind=storage.bind, port=storage.hot_port, registry=self._metrics.registry, report=self.report
        )
        with only_one(self._directory, "storage-hot"):
            await health.start()
            try:
                await self._work()
            finally:
                notify("STOPPING=1")
                await self._link.close()
                await health.stop()
        _log.info("storage stopped")

    async def _work(self) -> None:
        try:
            async with asyncio.TaskGroup() as background:
                watching = background.create_task(self._watchdog.run(self.status), name="watchdog")
                measuring = background.create_task(self._measure(), name="measure")
                retaining = background.create_task(self._retain(), name="retain")
                if await self._connect():
                    async with asyncio.TaskGroup() as group:
                        for flow in self._flows:
                            group.create_task(flow.run(), name=flow.stream.name)
                watching.cancel()
                measuring.cancel()
                retaining.cancel()
        except* UnavailableError as errors:
            raise _first(errors) from errors

    async def _connect(self) -> bool:
        """Wait for NATS; False when the service is told to stop before."""
        for flow in self._flows:
            flow.beat.cause = f"NATS at {self._settings.nats.url} away"
        connecting = asyncio.create_task(self._link.connect(), name="connect")
        stopping = asyncio.create_task(self._stop.wait(), name="stop")
        await asyncio.wait((connecting, stopping), return_when=asyncio.FIRST_COMPLETED)
        connected = connecting.done()
        for task in (connecting, stopping):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        return connected

    async def _measure(self) -> None:
        """Keep rates and lag current, make room in the streams, and say once that the service is ready."""
        beat = self._watchdog.loop("measure")
        announced = False
        while True:
            beat.progress()
            self._samples.append((time.monotonic(), self._stored()))
            if self._link.is_connected:
                for flow, purge in zip(self._flows, self._purges, strict=True):
                    with contextlib.suppress(UnavailableError):
                        await flow.measure()
                        await purge.turn()
                    beat.progress()
            if not announced and self.is_ready:
                announced = True
                notify(f"READY=1\nSTATUS={self.status()}")
                _log.info("storage ready", streams=[flow.stream.name for flow in self._flows])
            await asyncio.sleep(_MEASURE_SECONDS if announced else _UNREADY_SECONDS)

    async def _retain(self) -> None:
        """Drop old days by age alone; where cold storage runs, it drops them once they are proven there."""
        while not self._settings.storage.cold_enabled:
            for table in TABLES.values():
                try:
                    days = self._settings.storage.hot_days
                    dropped = await asyncio.to_thread(drop_old, self._hot, table, days)
                except MarketPrismError as error:
                    _log.warning("old days stay", table=table.name, reason=error.message, remedy=error.remedy)
                    break
                self._dropped_days += dropped
            await asyncio.sleep(_RETENTION_SECONDS)

    @property
    def is_ready(self) -> bool:
        """Whether NATS is connected and every flow has reached ClickHouse."""
        return self._link.is_connected and all(flow.ready for flow in self._flows)

    def status(self) -> str:
        """Return one line for ``systemctl status``: rates, lag, the newest event, and what is waited for."""
        rates = ", ".join(f"{TABLES[name].name} {rate:.0f}/s" for name, rate in self._rates().items() if rate >= 1)
        lag = sum(flow.pending for flow in self._flows)
        seen = [age.seconds for age in self._freshness.ages(_now_us()) if age.seen]
        newest = f"newest {min(seen):.1f} s" if seen else "nothing stored yet"
        waits = "; ".join(f"{name} waits for {cause}" for name, cause in self._watchdog.waits().items())
        return f"{rates or 'less than a row a second'}, lag {lag} messages, {newest}" + (f"; {waits}" if waits else "")

    def report(self) -> Report:
        """Return what the health port shows."""
        ages = self._freshness.ages(_now_us())
        stale = [str(age) for age in ages if age.is_stale]
        stuck, waits = self._watchdog.stuck(), self._watchdog.waits()
        details: dict[str, object] = {
            "source": self._settings.source.value,
            "stale": stale,
            "waits": waits,
            "stuck_seconds": stuck,
            "newest_age_seconds": {age.feed: age.seconds if age.seen else None for age in ages},
            "pending_messages": {flow.stream.name: flow.pending for flow in self._flows},
            "acknowledged_sequence": {flow.stream.name: flow.acknowledged for flow in self._flows},
            "events_per_second": self._rates(),
        }
        ready = self.is_ready
        return Report(live=not stuck, ready=ready, healthy=ready and not stale and not stuck, details=details)

    def _stored(self) -> Counter[str]:
        return Counter({name: int(self._metrics.stored(name)) for name in TABLES})

    def _rates(self) -> dict[str, float]:
        """Return events stored per second over the last samples."""
        if len(self._samples) < 2:
            return dict.fromkeys(TABLES, 0.0)
        (first_time, first), (last_time, last) = self._samples[0], self._samples[-1]
        seconds = max(last_time - first_time, 0.001)
        return {name: round((last[name] - first[name]) / seconds, 1) for name in TABLES}

    def _gauges(self) -> dict[str, tuple[str, str, dict[str, float]]]:
        ages = {age.feed: age.seconds for age in self._freshness.ages(_now_us())}
        flows = {flow.stream.name: flow for flow in self._flows}
        probes = {name: flow.writer.probes for name, flow in flows.items()}
        fills = {name: purge.fill for name, purge in zip(flows, self._purges, strict=True)}
        return {
            "newest_event_age_seconds": ("Age of the newest stored event; of the service where none.", "feed", ages),
            "pending_messages": (
                "Messages that are neither stored nor laid aside.",
                "stream",
                {name: flow.pending for name, flow in flows.items()},
            ),
            "acknowledged_sequence": (
                "Sequence up to which all is stored or laid aside.",
                "stream",
                {name: flow.acknowledged for name, flow in flows.items()},
            ),
            "stream_fill_ratio": ("Part of the stream's bytes that is used.", "stream", fills),
            "dropped_days": (
                "Day partitions dropped since the start.",
                "database",
                {HOT_DATABASE: self._dropped_days},
            ),
            "unknown_outcomes": (
                "Inserts or queries whose outcome was unknown, since the start.",
                "stream",
                {name: probe.unknown_outcomes for name, probe in probes.items()},
            ),
            "probe_rows_present": (
                "Rows that were found stored after an unknown outcome, since the start.",
                "stream",
                {name: probe.rows_present for name, probe in probes.items()},
            ),
        }


async def run(settings: Settings) -> None:
    """Run hot storage until it is told to stop.

    Raises:
        ConfigurationError: A credential, the state directory or the health address cannot be used.
        UnavailableError: Another writer runs, a port is taken, or NATS refuses the user.
    """
    await HotStorage(settings, os.environ).run()


def _now_us() -> int:
    return time.time_ns() // 1000


def _first(errors: BaseExceptionGroup[UnavailableError]) -> UnavailableError:
    error: BaseException = errors
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    assert isinstance(error, UnavailableError), "the group was filtered"
    return error
