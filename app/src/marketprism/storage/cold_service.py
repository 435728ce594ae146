"""The cold tier as a service: a round of copying, a pause, and so on; old days go after every full round."""

import asyncio
import os
import signal
import time
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from prometheus_client import CollectorRegistry, ProcessCollector

from marketprism.clickhouse_http import ClickHouseHttp
from marketprism.contract.catalog import COLD_DATABASE, HOT_DATABASE
from marketprism.contract.tables import TABLES, WATERMARKS
from marketprism.errors import MarketPrismError
from marketprism.lock import only_one, state_directory
from marketprism.settings import Settings
from marketprism.storage import watermarks
from marketprism.storage.flow import delays
from marketprism.storage.metrics import Gauges, GaugeValues
from marketprism.storage.mover import Mover
from marketprism.storage.retention import drop_old
from marketprism.storage.tier import Tier
from marketprism.telemetry import logs
from marketprism.telemetry.health import HealthServer, Report
from marketprism.telemetry.systemd import notify
from marketprism.telemetry.watchdog import Watchdog

FULL_ROUND_SECONDS = 600.0
"""Time between two looks at every day of the hot database, for rows that came late."""

_STEP_LIMIT_SECONDS = 660.0
"""One statement may hash or copy a whole day."""

_BEHIND_SLACK_SECONDS = 300.0
_log = logs.get("storage.cold")


class _StoppedError(Exception):
    """The service stops; whatever was not finished is done by the next run."""


class ColdStorage:
    """Everything of one running service."""

    def __init__(self, settings: Settings, environ: Mapping[str, str]) -> None:
        self._settings = settings.storage
        self._environ = environ
        self._stop = asyncio.Event()
        self._watchdog = Watchdog()
        self._beat = self._watchdog.loop("mover", _STEP_LIMIT_SECONDS)
        self._cold_clickhouse = ClickHouseHttp(settings, "mover", settings.cold)
        self._hot = Tier(ClickHouseHttp(settings, "mover"), HOT_DATABASE)
        self._cold = Tier(self._cold_clickhouse, COLD_DATABASE)
        self._mover = Mover(self._hot, self._cold, self._step)
        self._dropped = Counter({HOT_DATABASE: 0, COLD_DATABASE: 0})
        self._recorded: dict[str, int] = {}
        self._full_due = 0.0
        self._ready = False
        self._went_round = False
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._registry.register(Gauges(self._gauges))

    async def run(self) -> None:
        """Run until SIGTERM or SIGINT.

        Raises:
            UnavailableError: Another one runs, or the port is taken.
            ConfigurationError: The state directory or the health address cannot be used.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        settings = self._settings
        health = HealthServer(bind=settings.bind, port=settings.cold_port, registry=self._registry, report=self.report)
        with only_one(state_directory(self._environ), "storage-cold"):
            await health.start()
            watching = asyncio.create_task(self._watchdog.run(self.status), name="watchdog")
            try:
                await self._work()
            finally:
                notify("STOPPING=1")
                watching.cancel()
                await health.stop()
        _log.info("cold storage stopped")

    async def _work(self) -> None:
        waits = delays()
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="mover") as thread:
            while not self._stop.is_set():
                try:
                    await asyncio.get_running_loop().run_in_executor(thread, self._round)
                    self._beat.cause = None
                    waits = delays()
                    pause = self._settings.cold_interval_seconds
                except _StoppedError:
                    return
                except MarketPrismError as error:
                    _log.warning("waiting", reason=error.message, remedy=error.remedy)
                    self._beat.cause = error.message
                    self._full_due = 0.0  # hot storage may have waited too, and its rows come late
                    pause = next(waits)
                await self._pause(pause)

    def _round(self) -> None:
        """Copy what is due of every table; this runs in a thread of its own."""
        if not self._ready:
            self._begin()
        now = time.monotonic()
        full = now >= self._full_due
        complete = True
        for table in TABLES.values():
            self._step()
            copy = self._mover.copy_all if full else self._mover.copy_tail
            complete = copy(table, self._settings.cold_lag_seconds) and complete
        self._record()
        if full:
            self._drop()
        if full and complete:
            self._full_due = now + FULL_ROUND_SECONDS
        self._went_round = True

    def _begin(self) -> None:
        self._hot.now()
        self._recorded = watermarks.read(self._cold_clickhouse)
        self._ready = True
        notify(f"READY=1\nSTATUS={self.status()}")
        _log.info("cold storage ready", watermarks=self._recorded)

    def _record(self) -> None:
        copied = {name: done.copied_until for name, done in self._mover.tables.items()}
        risen = {name: seconds for name, seconds in copied.items() if seconds > self._recorded.get(name, 0)}
        if risen:
            watermarks.record(self._cold_clickhouse, risen)
            self._recorded |= risen

    def _drop(self) -> None:
        for table in TABLES.values():
            self._dropped[HOT_DATABASE] += self._mover.drop_proven(table, self._settings.hot_days)
        for table in (*TABLES.values(), WATERMARKS):
            self._step()
            self._dropped[COLD_DATABASE] += drop_old(self._cold, table, self._settings.cold_days)

    def _step(self) -> None:
        self._beat.progress()
        if self._stop.is_set():
            raise _StoppedError

    async def _pause(self, seconds: float) -> None:
        self._beat.progress()
        with self._beat.waiting(self._beat.cause or "the next round"):
            try:
                async with asyncio.timeout(seconds):
                    await self._stop.wait()
            except TimeoutError:
                return

    def status(self) -> str:
        """Return one line for ``systemctl status``."""
        behind = self._behind()
        rows = sum(done.rows for done in self._mover.tables.values())
        newest = f"up to {max(behind.values()) / 60:.0f} min ago" if behind else "not known yet how far"
        cause = f"; waits for: {self._beat.cause}" if self._beat.cause else ""
        return f"copied {newest}, {rows} rows since the start{cause}"

    def report(self) -> Report:
        """Return what the health port shows."""
        stuck = self._watchdog.stuck()
        tables = self._mover.tables
        behind = self._behind()
        slack = self._settings.cold_lag_seconds + self._settings.cold_interval_seconds + _BEHIND_SLACK_SECONDS
        # The first round of a run looks at every day there is, which takes its time and is no lateness.
        counts = self._went_round or self._beat.cause is not None
        late = [name for name in tables if counts and behind.get(name, slack) >= tables[name].lag_seconds + slack]
        different = {name: sum(done.different.values()) for name, done in tables.items() if done.different}
        details: dict[str, object] = {
            "behind_seconds": behind,
            "too_far_behind": late,
            "different_rows": different,
            "copied_rows": {name: done.rows for name, done in tables.items()},
            "dropped_days": self._dropped,
            "waits": self._watchdog.waits(),
            "stuck_seconds": stuck,
        }
        healthy = self._ready and not late and not different and not stuck
        return Report(live=not stuck, ready=self._ready, healthy=healthy, details=details)

    def _behind(self) -> dict[str, float]:
        """Return the seconds by which each copy is behind, as proven by this run or an earlier one."""
        now = time.time_ns() / 1e9
        return {name: round(now - seconds, 1) for name, seconds in self._recorded.items() if name in self._mover.tables}

    def _gauges(self) -> GaugeValues:
        tables = self._mover.tables
        return {
            "cold_behind_seconds": ("Age of the newest event that is proven to be copied.", "table", self._behind()),
            "cold_lag_seconds": (
                "For how long rows stay uncopied because rows may come late.",
                "table",
                {name: done.lag_seconds for name, done in tables.items()},
            ),
            "cold_copied_rows": (
                "Rows copied since the start.",
                "table",
                {name: done.rows for name, done in tables.items()},
            ),
            "cold_late_rows": (
                "Rows copied into minutes that were there before, since the start.",
                "table",
                {name: done.late_rows for name, done in tables.items()},
            ),
            "cold_different_rows": (
                "Rows that have other values in the cold database, or are there twice.",
                "table",
                {name: sum(done.different.values()) for name, done in tables.items()},
            ),
            "dropped_days": ("Day partitions dropped since the start.", "database", dict(self._dropped)),
        }


async def run(settings: Settings) -> None:
    """Run cold storage until it is told to stop.

    Raises:
        ConfigurationError: A credential, the state directory or the health address cannot be used.
        UnavailableError: Another one runs, or the port is taken.
    """
    await ColdStorage(settings, os.environ).run()
