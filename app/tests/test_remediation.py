"""The programs that a repair runs on the host: its case, and the comparison of an environment with its lock."""

import base64
import hashlib
import importlib.util
import json
import os
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from marketprism.ops.doctor.catalogue import PROBLEMS, Phase

CLONE = Path(__file__).parents[2]
PLAYBOOKS = CLONE / "playbooks" / "remediate"
REPORT = {
    "verdict": "broken",
    "roots": ["nats-down"],
    "findings": [{"problem": "nats-down", "evidence": ["nats-server.service is failed"]}],
}
RUN = [problem.name for problem in PROBLEMS.values() if problem.phase is Phase.RUN]


def program(name: str) -> ModuleType:
    path = CLONE / "roles" / "remediation" / "files" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


case, environment = program("case"), program("environment")


def opened(root: Path, problem: str = "nats-down", limit: int = 3, report: dict[str, Any] | None = None) -> Path:
    path: Path = case.begin(root, problem, by="somebody", commit="abc123", limit=limit, report=report or REPORT)
    return path


def test_a_repair_is_recorded_with_who_when_evidence_and_commit(tmp_path: Path) -> None:
    place = opened(tmp_path)
    case.close(place, "repaired", "", {"verdict": "healthy", "roots": []})
    (entry,) = case.recorded(tmp_path)
    assert (entry["problem"], entry["by"], entry["commit"]) == ("nats-down", "somebody", "abc123")
    assert (entry["result"], entry["evidence"]) == ("repaired", ["nats-server.service is failed"])
    assert (entry["before"]["roots"], entry["after"]["verdict"]) == (["nats-down"], "healthy")
    assert json.loads((place / "case.json").read_text())["before"] == REPORT


def test_a_second_repair_at_the_same_time_is_refused(tmp_path: Path) -> None:
    place = opened(tmp_path)
    with pytest.raises(case.RefusedError, match=f"{place.name} is at work"):
        opened(tmp_path, "storage-down")
    case.close(place, "failed", "no", {})
    assert opened(tmp_path, "storage-down").is_dir()


def test_a_lock_of_an_interrupted_run_is_taken_over(tmp_path: Path) -> None:
    opened(tmp_path)
    old = time.time_ns() / 1e9 - case.LOCK_SECONDS - 1
    os.utime(tmp_path / "lock", (old, old))
    assert opened(tmp_path).is_dir()


def test_too_many_repairs_of_one_problem_in_an_hour_are_refused(tmp_path: Path) -> None:
    for _ in range(2):
        case.close(opened(tmp_path, limit=2), "repaired", "", {})
    with pytest.raises(case.RefusedError, match="2 times in the last hour"):
        opened(tmp_path, limit=2)
    assert opened(tmp_path, "storage-down", limit=2).is_dir()


def test_files_and_directories_come_back_and_what_did_not_help_stays_beside(tmp_path: Path) -> None:
    place, kept, moved, absent = opened(tmp_path), *(tmp_path / name for name in ("kept", "moved", "absent"))
    kept.write_text("before")
    kept.chmod(0o640)
    moved.mkdir()
    (moved / "old").touch()
    case.keep(place, [kept, absent])
    case.aside(place, [moved])
    assert not moved.exists()
    kept.write_text("after")
    moved.mkdir()
    absent.write_text("new")
    assert set(case.restore(place)) == {str(kept), str(moved), str(absent)}
    assert (kept.read_text(), kept.stat().st_mode & 0o777) == ("before", 0o640)
    assert (moved / "old").exists()
    assert not absent.exists()
    assert (tmp_path / f"absent.failed-{place.name}").read_text() == "new"


def test_settings_that_worked_are_brought_back(tmp_path: Path) -> None:
    file, root = tmp_path / "settings", tmp_path / "state"
    file.write_text("good")
    assert case.know(root, [file, tmp_path / "none"]) == [str(file)]
    assert case.know(root, [file]) == []
    assert case.differing(root, [file]) == []
    file.write_text("bad")
    assert case.differing(root, [file]) == [str(file)]
    place = opened(root)
    case.recall(place, root, [file])
    assert file.read_text() == "good"
    case.restore(place)
    assert file.read_text() == "bad"


def test_settings_that_nobody_may_read_any_more_get_their_rights_back(tmp_path: Path) -> None:
    file, root = tmp_path / "settings", tmp_path / "state"
    file.write_text("good")
    file.chmod(0o640)
    case.know(root, [file])
    file.chmod(0o600)
    assert case.differing(root, [file]) == [str(file)]
    case.recall(opened(root), root, [file])
    assert file.stat().st_mode & 0o777 == 0o640


def installed(root: Path, version: str = "1.2") -> Path:
    """Make a release with one package; returns the package's file."""
    packages = root / "venv" / "lib" / "python3.11" / "site-packages"
    info = packages / f"some_thing-{version}.dist-info"
    info.mkdir(parents=True)
    file = packages / "some_thing.py"
    file.write_text("x = 1\n")
    digest = base64.urlsafe_b64encode(hashlib.sha256(file.read_bytes()).digest()).rstrip(b"=").decode()
    (info / "RECORD").write_text(f"some_thing.py,sha256={digest},6\n{info.name}/RECORD,,\n")
    (root / "wheels").mkdir()
    (root / "wheels" / "lock.txt").write_text("# a lock\nsome-thing[extra]==1.2 \\\n    --hash=sha256:aa\n")
    return file


def test_an_environment_as_installed_is_not_damaged(tmp_path: Path) -> None:
    installed(tmp_path)
    assert environment.damage(tmp_path) == []


def test_a_changed_a_missing_and_another_file_are_damage(tmp_path: Path) -> None:
    file = installed(tmp_path)
    file.write_text("x = 2\n")
    assert environment.damage(tmp_path) == ["some_thing.py is not as installed"]
    file.unlink()
    assert environment.damage(tmp_path) == ["some_thing.py: No such file or directory"]


def test_another_version_than_locked_is_damage(tmp_path: Path) -> None:
    installed(tmp_path, version="1.3")
    assert environment.damage(tmp_path) == ["some-thing 1.2 is not installed"]


@pytest.mark.parametrize("problem", RUN)
def test_a_playbook_states_its_problem_and_its_action_and_nothing_else(problem: str) -> None:
    (play,) = yaml.safe_load((PLAYBOOKS / f"{problem}.yml").read_text(encoding="utf-8"))
    (task,) = play["tasks"]
    given = task["vars"]
    assert given["remediation_problem"] == problem
    assert task["ansible.builtin.include_role"] == {"name": "remediation"}
    action = given.get("remediation_action")
    assert (action == f"{{{{ playbook_dir }}}}/actions/{problem}.yml") != bool(given.get("remediation_refusal"))
    assert (PLAYBOOKS / "actions" / f"{problem}.yml").exists() == bool(action)
