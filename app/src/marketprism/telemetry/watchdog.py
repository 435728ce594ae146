"""Tells the service manager that every loop turns, or says which one does not.

A loop reports progress, or names what outside of this process it waits for. Only a loop that does neither for longer
than its limit withholds the watchdog's message, and with it gets the process restarted. Missing data never does.
"""

import asyncio
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from marketprism.telemetry import logs
from marketprism.telemetry.systemd import notify

STATUS_SECONDS = 2.0
"""Time between two status lines; the watchdog's message goes along and is due far less often."""

_log = logs.get("watchdog")


class Beat:
    """One loop's sign of life; may be used from any thread."""

    def __init__(self, name: str, limit_seconds: float, clock: Callable[[], float]) -> None:
        self.name = name
        self.cause: str | None = None
        self._limit = limit_seconds
        self._clock = clock
        self._last = clock()

    def progress(self) -> None:
        """Say that the loop went round."""
        self._last = self._clock()

    @contextmanager
    def waiting(self, cause: str) -> Iterator[None]:
        """Name what the loop waits for outside of this process, such as ``ClickHouse away``; without a limit."""
        before, self.cause = self.cause, cause
        try:
            yield
        finally:
            self.cause = before
            self.progress()

    def stuck_seconds(self) -> float:
        """Return for how long the loop has been silent, 0 while that is within its limit or explained."""
        silent = self._clock() - self._last
        return silent if self.cause is None and silent > self._limit else 0.0


class Watchdog:
    """Watches the loops of one process.

    Args:
        clock: Monotonic seconds.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._beats: list[Beat] = []

    def loop(self, name: str, limit_seconds: float = 30.0) -> Beat:
        """Register a loop; it has `limit_seconds` for one turn."""
        beat = Beat(name, limit_seconds, self._clock)
        self._beats.append(beat)
        return beat

    def stuck(self) -> dict[str, float]:
        """Return the seconds of silence of every loop that is over its limit."""
        return {beat.name: seconds for beat in self._beats if (seconds := beat.stuck_seconds()) > 0}

    def waits(self) -> dict[str, str]:
        """Return what each waiting loop waits for."""
        return {beat.name: cause for beat in self._beats if (cause := beat.cause) is not None}

    def tell(self, status: str) -> None:
        """Send the status line, and the watchdog's message unless a loop is stuck."""
        stuck = self.stuck()
        if stuck:
            names = ", ".join(f"{name} for {seconds:.0f} s" for name, seconds in stuck.items())
            _log.error("loop stuck", loops=stuck)
            notify(f"STATUS=stuck: {names}")
        else:
            notify(f"WATCHDOG=1\nSTATUS={status}")

    async def run(self, status: Callable[[], str]) -> None:
        """Call `tell` for ever, well within the service manager's limit.

        Args:
            status: Returns one line for ``systemctl status``.
        """
        interval = status_interval(os.environ.get("WATCHDOG_USEC"))
        while True:
            self.tell(status())
            await asyncio.sleep(interval)


def status_interval(watchdog_usec: str | None) -> float:
    """Return seconds between two messages: a third of the manager's limit, so that two may come late."""
    if watchdog_usec is None or not watchdog_usec.isdigit():
        return STATUS_SECONDS
    return min(STATUS_SECONDS, int(watchdog_usec) / 3_000_000)
