"""What the collector says about itself while faults come and go."""

import threading
import time
from dataclasses import dataclass
from typing import Any

from tests.integration.collecting import Collector
from tests.integration.servers import fetch

LOOK_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Signal:
    """A metric of a venue that moves when a fault is noticed.

    Attributes:
        metric: Without its prefix.
        labels: Those beside the venue's, as Prometheus writes them.
        by: How far it has to move; negative for one that has to fall.
    """

    metric: str
    labels: str = ""
    by: float = 1

    def value(self, venue: str, metrics: str) -> float:
        """Return the sum of its series."""
        start, venue_label = f"marketprism_{self.metric}{{", f'venue="{venue}"'
        wanted = self.labels.split()
        return sum(
            float(line.rpartition(" ")[2])
            for line in metrics.splitlines()
            if line.startswith(start) and venue_label in line and all(label in line for label in wanted)
        )

    def __str__(self) -> str:
        """Name it as the table of results does."""
        return f"{self.metric}{{{', '.join(self.labels.split())}}}" if self.labels else self.metric


class Watch:
    """Reads health and metrics all the time, for everybody.

    Attributes:
        metrics: The newest text of the metrics endpoint.
        details: The newest details of the health endpoint.
    """

    def __init__(self, collector: Collector) -> None:
        self.metrics = ""
        self.details: dict[str, Any] = {}
        self._collector = collector
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Watch":
        self._look()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def unsound(self, venue: str) -> list[str]:
        """Say what keeps a venue from being as it should."""
        found = self.details["venues"][venue]
        problems = [] if found["state"] == "collecting" else [f"is {found['state']}: {found['cause']}"]
        problems += [f"book {symbol} is {state}" for symbol, state in found["books"].items() if state != "live"]
        problems += [f"connection {name} is lost" for name, each in found["connections"].items() if not each["open"]]
        problems += [
            f"{data_type} {symbol} is {state}"
            for data_type, states in found["feeds"].items()
            for symbol, state in states.items()
            if state not in {"live", "waiting"}
        ]
        if found["gaps"] != found["healed"]:
            problems.append(f"gaps {found['gaps']}, healed {found['healed']}")
        return problems

    def _run(self) -> None:
        while not self._stop.wait(LOOK_SECONDS):
            self._look()

    def _look(self) -> None:
        metrics = fetch(self._collector.metrics_url)[1]
        details = self._collector.details()
        self.metrics, self.details = metrics or self.metrics, details


def moved(signal: Signal, venue: str, before: str, after: str) -> bool:
    """Tell whether a signal was given between two readings of the metrics."""
    change = signal.value(venue, after) - signal.value(venue, before)
    return change >= signal.by if signal.by > 0 else change <= signal.by


def wait_until(predicate: Any, seconds: float) -> float | None:
    """Wait until something holds; the seconds that took, None when it does not in time."""
    started = time.monotonic()
    while time.monotonic() - started < seconds:
        if predicate():
            return time.monotonic() - started
        time.sleep(LOOK_SECONDS / 2)
    return None
