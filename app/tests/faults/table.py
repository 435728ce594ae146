"""One line per fault: what was sent, what is there, and how long it took until events were stored again."""

from dataclasses import dataclass
from statistics import median

from tests.faults.kills import Kills, rows_in_flight
from tests.faults.rig import Rig
from tests.faults.verdict import judge

RECOVERY_SECONDS = 30.0
MOSTLY = 0.8
"""Part of the kills that has to find rows in flight; those that do not, such as of a collector that has just been
started, are not counted."""

HEADER = (
    "| fault | times | rows in flight | sent | stored | missing | twice | seconds to recover: median, most |",
    "|---|---|---|---|---|---|---|---|",
)


@dataclass(slots=True)
class Table:
    """The lines so far, as Markdown."""

    lines: list[str]

    def conclude(
        self,
        rig: Rig,
        name: str,
        kills: Kills,
        *,
        restarts_books: bool = False,
        most_seconds: float = RECOVERY_SECONDS,
    ) -> None:
        """Let everything arrive, judge it, and note the line.

        Args:
            rig: Running; its venues fall silent.
            name: What was done.
            kills: When, and how long it took until events were stored again.
            restarts_books: Whether books may have started anew, which leaves out changes.
            most_seconds: What a recovery may take.
        """
        rig.finish()
        flying = rows_in_flight(rig, kills.moments)
        verdict = judge(rig.simulator.truth, rig.ask)
        busy = sum(rows > 0 for rows in flying.values())
        phases = ", ".join(f"{count} {phase}" for phase, count in sorted(kills.phases.items()))
        seconds = kills.recovery_seconds
        self.lines.append(
            f"| {name}{f': {phases}' if phases else ''} | {busy or 1} "
            f"| {f'{min(flying.values())} to {max(flying.values())}' if flying else ''} "
            f"| {verdict.sent} | {verdict.stored} | {verdict.missing} | {verdict.twice} "
            f"| {median(seconds):.1f}, {max(seconds):.1f} |"
        )
        assert (verdict.missing, verdict.twice, verdict.wrong) == (0, 0, 0), (verdict, self.lines[-1])
        assert restarts_books or not verdict.resynced, verdict
        assert busy >= MOSTLY * len(flying), f"idle kills prove nothing: {flying}"
        assert max(seconds) < most_seconds, seconds
