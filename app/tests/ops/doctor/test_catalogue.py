"""One name per problem, everywhere: its rule, its words, its runbook, its alert and its playbook."""

import re
from pathlib import Path

import pytest

from marketprism.ops.doctor.catalogue import PROBLEMS, Phase
from tests.documented import CLONE, PLAYBOOKS, commands, require

RUNBOOKS = sorted((CLONE / "docs" / "runbooks").glob("*.md"))
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


def test_playbooks_and_problems_of_an_installed_host_match_one_to_one() -> None:
    assert {path.stem for path in (PLAYBOOKS / "remediate").glob("*.yml")} == {
        p.name for p in PROBLEMS.values() if p.phase is Phase.RUN
    }


@pytest.mark.parametrize("path", RUNBOOKS, ids=lambda path: path.stem)
def test_a_runbook_has_every_section_and_only_commands_that_exist(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    problem = PROBLEMS[path.stem]
    assert tuple(re.findall(r"^## (.*)$", text, re.MULTILINE)) == SECTIONS
    assert f"marketprism doctor {problem.name}" in text
    if problem.phase is Phase.RUN:
        assert f"scripts/manage_all.sh fix {problem.name}" in text
        assert f"marketprism-ops remediate/{problem.name} -e remediation_apply=true" in text
    found = commands(text)
    assert found
    for command in found:
        require(command)
