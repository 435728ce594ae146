"""What follows a failed look at health: ask the doctor, run the matching playbook, and say what came of it.

``remediate.py MODE PER_HOUR``: in mode ``report`` every playbook is rehearsed only. In mode ``automatic`` those act
that the doctor marks safe, at most PER_HOUR times an hour; a repair that failed, or one that had to be made three times
in six hours, freezes automation until a person removes the mark. Where the doctor names no cause nothing is repaired,
and the record says so. Exits 0 when all is well again, otherwise 1: then the alert carries the report, which is this
program's journal.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

STATE = Path("/var/lib/marketprism/remediation")
RECORD = STATE / "record.jsonl"
BY = "timer"
UNKNOWN = "unknown"
"""Stands in the record where the doctor names no cause; what `UNKNOWN` is not counts as a repair."""
HOUR_SECONDS, LOOP_SECONDS, LOOP_REPAIRS = 3600, 6 * 3600, 3
SHOWN_LINES = 25
LOOKS = 15
"""A second apart, while the doctor does not know: what crashes again and again is named after its third crash."""
SILENCED: dict[str, Any] = {
    "verdict": "broken",
    "summary": "the doctor does not run: its environment, which the services share, may be damaged",
    "exit_code": 2,
    "findings": [
        {"problem": "storage-down", "root": True, "repair": {"command": "fix storage-down", "automatic": True}},
    ],
}
"""What is assumed then; the playbook looks for itself, and refuses where the environment is as installed."""
STOPPED = "it was stopped, it did not fail"
"""The doctor's words for a unit that a person stopped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What is done about a cause. Without `acts` its playbook is rehearsed; `why` says why it does not act."""

    problem: str
    acts: bool
    why: str = ""


def decide(
    report: dict[str, Any], record: list[dict[str, Any]], *, mode: str, per_hour: int, frozen: str, now: float
) -> Decision | None:
    """Choose the first cause and whether its playbook may act; None where the doctor names no cause."""
    causes = [found for found in report["findings"] if found["root"] and found["repair"]["command"]]
    if not causes:
        return None
    problem = causes[0]["problem"]
    why = _forbidden(causes, record, mode=mode, per_hour=per_hour, frozen=frozen, now=now)
    return Decision(problem=problem, acts=not why, why=why)


def _forbidden(
    causes: list[dict[str, Any]], record: list[dict[str, Any]], *, mode: str, per_hour: int, frozen: str, now: float
) -> str:
    recent = _repairs(record, now - HOUR_SECONDS)
    problem, evidence = causes[0]["problem"], causes[0].get("evidence", ())
    reasons = (
        (mode != "automatic", f"remediation_mode is {mode}"),
        (frozen, f"automation is frozen: {frozen}"),
        (
            len(causes) > 1,
            f"several causes at once, {', '.join(each['problem'] for each in causes)}: a person has to look",
        ),
        (not causes[0]["repair"]["automatic"], f"{problem} is not among what may be repaired automatically"),
        (any(STOPPED in sentence for sentence in evidence), f"{problem}: {STOPPED}, so somebody wanted that"),
        (len(recent) >= per_hour, f"{len(recent)} repairs in the last hour: a person has to look"),
    )
    return next((reason for applies, reason in reasons if applies), "")


def _repairs(record: list[dict[str, Any]], since: float) -> list[dict[str, Any]]:
    return [each for each in record if each["by"] == BY and each["began"] > since and each["problem"] != UNKNOWN]


def freeze(record: list[dict[str, Any]], now: float) -> str:
    """Say why automation has to stop; empty when it may go on."""
    ours = _repairs(record, now - LOOP_SECONDS)
    if ours and ours[-1]["result"] == "failed":
        return f"the repair of {ours[-1]['problem']} did not help"
    for problem in {entry["problem"] for entry in ours}:
        times = sum(entry["problem"] == problem for entry in ours)
        if times >= LOOP_REPAIRS:
            return f"{problem} was repaired {times} times in six hours and comes again"
    return ""


def ask() -> dict[str, Any]:
    """Ask the doctor."""
    asked = subprocess.run(["marketprism", "doctor", "--json"], capture_output=True, text=True, check=False)
    return json.loads(asked.stdout) if asked.stdout.startswith("{") else SILENCED


def look(ask: Callable[[], dict[str, Any]], pause: Callable[[float], None]) -> dict[str, Any]:
    """Ask until the doctor knows."""
    for _ in range(LOOKS):
        report = ask()
        if report["verdict"] != UNKNOWN:
            break
        pause(1)
    return report


def main(mode: str, per_hour: int) -> int:
    """Do it; returns the exit code."""
    report = look(ask, time.sleep)
    print(report["summary"])
    mark = STATE / "frozen"
    frozen = mark.read_text(encoding="utf-8").strip() if mark.exists() else ""
    now = time.time_ns() / 1e9
    decision = decide(report, recorded(), mode=mode, per_hour=per_hour, frozen=frozen, now=now)
    if decision is None:
        return unexplained(report, now) if report["exit_code"] else 0
    code = play(decision)
    if not decision.acts:
        print(f"Nothing was changed ({decision.why}). To repair it: scripts/manage_all.sh fix {decision.problem}")
        return 1
    reason = freeze(recorded(), now)
    if reason:
        mark.write_text(f"{reason}\n", encoding="utf-8")
        print(f"Automation is frozen: {reason}. A person has to look, and then to remove {mark}")
    return int(code != 0 or bool(reason))


def unexplained(report: dict[str, Any], now: float) -> int:
    """Say, and write down, that something is wrong and the doctor does not know the cause; returns the exit code."""
    hop = report["unexplained"]
    seen = [f"{hop['hop']}: {hop['detail']}"] if hop else []
    seen += [f"{source} was not seen: {why}" for source, why in report["unseen"].items()]
    entry = {
        "problem": UNKNOWN,
        "by": BY,
        "began": now,
        "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "host": os.uname().nodename,
        "result": "nothing done",
        "reason": "the doctor names no cause",
        "evidence": seen,
        "before": {"verdict": report["verdict"], "roots": report["roots"]},
    }
    STATE.mkdir(mode=0o700, parents=True, exist_ok=True)
    with RECORD.open("a", encoding="utf-8") as file:
        file.write(json.dumps(entry) + "\n")
    print("Nothing was changed: the doctor names no cause. What it saw:", *seen, sep="\n- ")
    print("A person has to look: scripts/manage_all.sh diagnose; scripts/manage_all.sh support-bundle")
    return 1


def play(decision: Decision) -> int:
    """Run the playbook and print the end of what it says; returns its exit code."""
    command = ["marketprism-ops", f"remediate/{decision.problem}", "-e", f"remediation_by={BY}"]
    command += ["-e", "remediation_apply=true"] if decision.acts else []
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    print(*(done.stdout + done.stderr).splitlines()[-SHOWN_LINES:], sep="\n")
    return done.returncode


def recorded() -> list[dict[str, Any]]:
    """Read the record of repairs, oldest first."""
    lines = RECORD.read_text(encoding="utf-8").splitlines() if RECORD.exists() else []
    return [json.loads(line) for line in lines]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
