"""One name per problem, everywhere: its rule, its words, its runbook, its alert and its playbook."""

import re
from pathlib import Path

import pytest
from typer.main import get_command

from marketprism.cli import app
from marketprism.ops.doctor.catalogue import PROBLEMS, Phase, Problem

ROOT = Path(__file__).parents[4]
RUNBOOKS = sorted((ROOT / "docs" / "runbooks").glob("*.md"))
PLAYBOOKS = sorted((ROOT / "playbooks" / "remediate").glob("*.yml"))
SECTIONS = ("Meaning", "Impact", "Diagnosis", "Mitigation", "Verification", "Escalation")
GUIDE = {"deploy": 3, "service": 4, "data": 3, "performance": 2, "network": 2}


def test_the_problems_of_the_guide_are_all_there() -> None:
    sections = [problem.section for problem in PROBLEMS.values()]
    assert {section: sections.count(section) for section in GUIDE} == GUIDE
    assert {problem.name for problem in PROBLEMS.values() if problem.phase is Phase.DEPLOY} == {
        "script-not-executable", "missing-sudo", "python-too-old",
    }  # fmt: skip


def test_names_are_keys_and_consequences_are_names() -> None:
    assert [problem.name for problem in PROBLEMS.values()] == list(PROBLEMS)
    assert all(problem.consequences <= set(PROBLEMS) for problem in PROBLEMS.values())


def test_no_problem_explains_itself_through_others() -> None:
    def after(name: str, seen: frozenset[str]) -> None:
        assert name not in seen, f"{name} explains itself through {sorted(seen)}"
        for effect in PROBLEMS[name].consequences:
            after(effect, seen | {name})

    for name in PROBLEMS:
        after(name, frozenset())


def test_a_problem_of_the_deployment_has_neither_alert_nor_playbook() -> None:
    assert (PROBLEMS["missing-sudo"].alert, PROBLEMS["missing-sudo"].playbook) == ("", "")
    assert PROBLEMS["nats-down"].alert == "nats-down"
    assert PROBLEMS["nats-down"].playbook == "playbooks/remediate/nats-down.yml"


def test_runbooks_and_problems_match_one_to_one() -> None:
    assert {path.stem for path in RUNBOOKS} == set(PROBLEMS)


@pytest.mark.skipif(not PLAYBOOKS, reason="there are no playbooks yet")
def test_playbooks_and_problems_of_an_installed_host_match_one_to_one() -> None:
    assert {path.stem for path in PLAYBOOKS} == {p.name for p in PROBLEMS.values() if p.phase is Phase.RUN}


@pytest.mark.parametrize("path", RUNBOOKS, ids=lambda path: path.stem)
def test_a_runbook_has_every_section_and_only_commands_that_exist(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    problem = PROBLEMS[path.stem]
    assert tuple(re.findall(r"^## (.*)$", text, re.MULTILINE)) == SECTIONS
    assert f"marketprism doctor {problem.name}" in text
    if problem.phase is Phase.RUN:
        assert f"scripts/manage_all.sh fix {problem.name}" in text
        assert f"marketprism-ops remediate/{problem.name} -e remediation_apply=true" in text
    commands = [line for block in re.findall(r"```bash\n(.*?)```", text, re.DOTALL) for line in block.splitlines()]
    assert commands
    for command in commands:
        assert _exists(command, problem), command


def _exists(command: str, problem: Problem) -> bool:
    words = command.split()
    if words[0] == "marketprism":
        found = get_command(app).commands
        return words[1] in found
    if words[0] == "scripts/manage_all.sh":
        usage = (ROOT / "scripts" / "manage_all.sh").read_text(encoding="utf-8")
        return re.search(rf"^  {words[1]}\b", usage, re.MULTILINE) is not None
    if words[0] == "marketprism-ops":
        return f"playbooks/{words[1]}.yml" == problem.playbook
    return words[0] in SYSTEM


SYSTEM = {
    "apt-get", "bash", "chmod", "clickhouse", "curl", "df", "findmnt", "free", "getent", "ls", "nats-server", "ps",
    "python3", "scripts/one_click_deploy.sh", "ss", "sudo", "su", "systemctl", "timedatectl", "top", "usermod",
    "journalctl", "id",
}  # fmt: skip
"""Programs of the operating system, and the one that deploys."""
