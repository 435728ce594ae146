"""One fault after the other at each exchange, all exchanges side by side; what became of each."""

import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock

from tests.integration.venue_faults import ledger
from tests.integration.venue_faults.cases import LANES, Case
from tests.integration.venue_faults.ledger import Comparison
from tests.integration.venue_faults.signals import moved, wait_until
from tests.integration.venue_faults.stage import Stage

RECOVERY_SECONDS = 120.0
LEDGER_SECONDS = 30.0
QUIET_SECONDS = 1.0
"""Sound for so long is sound: a connection that was told to end has not ended yet."""


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one fault.

    Attributes:
        detected: Seconds from the injection to the signal; None where there was none.
        recovered: Seconds from the end of the fault until everything was sound again; None when that did not come.
        expected: Holes of the wire, without those that happened while an earlier one was open; `listed` likewise.
        problems: What is wrong.
    """

    case: Case
    detected: float | None
    recovered: float | None
    expected: int
    listed: int
    problems: tuple[str, ...]

    def row(self) -> str:
        """Return its line of the table."""
        detected = "harmless" if self.case.signal is None else _seconds(self.detected)
        holes = f"{self.expected} | {self.listed}"
        return f"| {self.case} | {self.case.venue} | {detected} | {_seconds(self.recovered)} | {holes} |"


HEAD = (
    "| fault | venue | detected after s | recovered after s | holes on the wire | in the ledger |\n"
    "|---|---|---|---|---|---|"
)


class Run:
    """Plays cases on a stage.

    Args:
        tell: Takes what became of each as soon as that is known.
    """

    def __init__(self, stage: Stage, tell: Callable[[str], None]) -> None:
        self._stage = stage
        self._tell = tell
        self._reading = Lock()

    def play(self, cases: Sequence[Case]) -> list[Result]:
        """Play all cases, those of different exchanges at the same time; results in the order of the cases."""
        lanes: dict[str, list[Case]] = {}
        for case in cases:
            lanes.setdefault(LANES[case.venue], []).append(case)
        with ThreadPoolExecutor(len(lanes)) as pool:
            played = [result for lane in pool.map(self._lane, lanes.values()) for result in lane]
        return sorted(played, key=lambda result: cases.index(result.case))

    def compare(self, venues: Iterable[str]) -> Comparison:
        """Compare the holes of some venues' wires with the ledger."""
        wanted = set(venues)
        with self._reading:
            self._stage.wire.read()
            holes = list(self._stage.wire.holes)
        entries = ledger.entries(self._stage.clickhouse)
        return ledger.compare(
            [hole for hole in holes if hole.place.market in wanted],
            [entry for entry in entries if entry.place.market in wanted],
        )

    def _lane(self, cases: list[Case]) -> list[Result]:
        venues = [venue for venue, lane in LANES.items() if lane == LANES[cases[0].venue]]
        wait_until(lambda: not self._unsound(venues), RECOVERY_SECONDS)
        try:
            return [self._case(case, venues) for case in cases]
        except Exception as error:
            self._tell(f"{venues}: {error!r}")  # the other lanes go on for long
            raise

    def _case(self, case: Case, venues: list[str]) -> Result:
        before, metrics = self.compare(venues), self._stage.watch.metrics
        lying = self._stage.wire.lying
        if case.lying:
            lying.add(case.venue)
        numbers = [self._stage.sim.inject(**order) for order in case.orders()]
        detected = self._detected(case, metrics)
        if case.withdrawn:
            self._stage.sim.desk("DELETE", query=f"?id={numbers[0]}")
        wait_until(lambda: self._stage.active().isdisjoint(numbers), RECOVERY_SECONDS)
        time.sleep(float(case.parameters.get("after", 0)))
        recovered = self._recovered(venues)
        problems = [] if recovered is not None else self._unsound(venues)
        wait_until(lambda: not self.compare(venues).worse_than(before), LEDGER_SECONDS)
        after = self.compare(venues)
        lying.discard(case.venue)
        if case.signal is not None and detected is None:
            problems.append(f"not noticed within {case.within:g} s: {case.signal}")
        problems += after.worse_than(before)
        told = len(after.told) - len(before.told)
        expected = told + len(after.missed) - len(before.missed)
        listed = told + len(after.invented) - len(before.invented)
        result = Result(case, detected, recovered, expected, listed, tuple(problems))
        self._tell("\n    ".join((result.row(), *result.problems)))
        return result

    def _detected(self, case: Case, metrics: str) -> float | None:
        signal = case.signal
        if signal is None:
            return None
        watch, venues = self._stage.watch, (case.venue, *case.also)
        return wait_until(lambda: any(moved(signal, each, metrics, watch.metrics) for each in venues), case.within)

    def _recovered(self, venues: list[str]) -> float | None:
        """Wait until everything is sound, and stays so for a moment."""
        started = time.monotonic()
        while time.monotonic() - started < RECOVERY_SECONDS:
            if wait_until(lambda: not self._unsound(venues), RECOVERY_SECONDS) is None:
                return None
            sound = time.monotonic() - started
            if wait_until(lambda: bool(self._unsound(venues)), QUIET_SECONDS) is None:
                return sound
        return None

    def _unsound(self, venues: list[str]) -> list[str]:
        return [f"{venue} {problem}" for venue in venues for problem in self._stage.watch.unsound(venue)]


def _seconds(value: float | None) -> str:
    return "never" if value is None else f"{value:.1f}"
