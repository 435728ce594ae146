"""What follows a failed look at health: which playbook, whether it acts, and when automation stops."""

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from marketprism.ops.doctor.catalogue import PROBLEMS

NOW = 1_900_000_000.0
PROGRAM = Path(__file__).parents[2] / "roles" / "maintenance" / "files" / "remediate.py"


def _load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("remediate", PROGRAM)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


remediate = _load()


def found(*problems: str) -> dict[str, Any]:
    findings = [
        {
            "problem": name,
            "root": True,
            "repair": {"command": f"scripts/manage_all.sh fix {name}", "automatic": PROBLEMS[name].automatic},
        }
        for name in problems
    ]
    return {"findings": findings}


def repaired(problem: str, ago: float, result: str = "repaired", by: str = "timer") -> dict[str, Any]:
    return {"problem": problem, "began": NOW - ago, "result": result, "by": by}


def decide(
    report: dict[str, Any], *record: dict[str, Any], mode: str = "automatic", frozen: str = ""
) -> tuple[str, bool, str]:
    made = remediate.decide(report, list(record), mode=mode, per_hour=2, frozen=frozen, now=NOW)
    return made.problem, made.acts, made.why


def test_a_safe_repair_acts_in_automatic_mode_alone() -> None:
    assert decide(found("nats-down")) == ("nats-down", True, "")
    assert decide(found("nats-down"), mode="report") == ("nats-down", False, "remediation_mode is report")


def test_a_repair_that_is_not_marked_safe_is_only_rehearsed() -> None:
    assert PROBLEMS["exchange-blocked"].automatic is False
    assert decide(found("exchange-blocked"))[:2] == ("exchange-blocked", False)


def test_what_somebody_stopped_stays_stopped() -> None:
    report = found("collector-down")
    report["findings"][0]["evidence"] = ["marketprism-collector.service is inactive", remediate.STOPPED]
    assert decide(report)[:2] == ("collector-down", False)
    words = (PROGRAM.parents[3] / "app/src/marketprism/ops/doctor/rules/services.py").read_text(encoding="utf-8")
    assert remediate.STOPPED in words


def test_several_causes_at_once_are_left_to_a_person() -> None:
    problem, acts, why = decide(found("nats-down", "storage-down"))
    assert (problem, acts) == ("nats-down", False)
    assert "nats-down, storage-down" in why


def test_the_budget_of_an_hour_counts_automatic_repairs_alone() -> None:
    spent = [repaired("nats-down", 600), repaired("storage-down", 60)]
    assert decide(found("collector-down"), *spent)[1:] == (False, "2 repairs in the last hour: a person has to look")
    assert decide(found("collector-down"), repaired("nats-down", 3700), spent[1])[1]
    assert decide(found("collector-down"), *(repaired("nats-down", 60, by="root") for _ in range(5)))[1]


def test_frozen_automation_does_not_act() -> None:
    assert decide(found("nats-down"), frozen="it did not help")[1:] == (
        False,
        "automation is frozen: it did not help",
    )


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ([], ""),
        ([repaired("nats-down", 60)], ""),
        ([repaired("nats-down", 60, "failed")], "the repair of nats-down did not help"),
        ([repaired("nats-down", 60, "failed", by="root")], ""),
        (
            [repaired("nats-down", ago) for ago in (20_000, 9_000, 60)],
            "nats-down was repaired 3 times in six hours and comes again",
        ),
        ([repaired("nats-down", ago) for ago in (22_000, 9_000, 60)], ""),
    ],
)
def test_a_failure_or_a_repair_that_comes_again_freezes_automation(record: list[dict[str, Any]], reason: str) -> None:
    assert remediate.freeze(record, NOW) == reason


def test_the_doctor_is_asked_again_while_it_does_not_know() -> None:
    verdicts = iter(["unknown", "unknown", "broken", "healthy"])
    waited: list[float] = []
    assert remediate.look(lambda: {"verdict": next(verdicts)}, waited.append) == {"verdict": "broken"}
    assert waited == [1, 1]
    assert remediate.look(lambda: {"verdict": "unknown"}, waited.append) == {"verdict": "unknown"}


def test_what_the_doctor_cannot_name_is_written_down_and_is_no_repair(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(remediate, "STATE", tmp_path)
    monkeypatch.setattr(remediate, "RECORD", tmp_path / "record.jsonl")
    report = found() | {
        "summary": "something is wrong that no rule names",
        "verdict": "unknown",
        "roots": [],
        "exit_code": 2,
        "unexplained": {"hop": "socket", "detail": "okx-spot: Connect call failed"},
        "unseen": {"tables": "no answer within 7 s"},
    }
    assert remediate.decide(report, [], mode="automatic", per_hour=2, frozen="", now=NOW) is None
    assert remediate.unexplained(report, NOW) == 1
    said = capsys.readouterr().out
    assert "names no cause" in said
    (entry,) = remediate.recorded()
    assert (entry["problem"], entry["result"], entry["before"]["verdict"]) == ("unknown", "nothing done", "unknown")
    assert entry["evidence"] == ["socket: okx-spot: Connect call failed", "tables was not seen: no answer within 7 s"]
    assert all(sentence in said for sentence in entry["evidence"])
    assert decide(found("nats-down"), *[entry] * 5)[1], "it does not use the budget up"
    assert remediate.freeze([entry] * 5, NOW) == ""
