"""The operator's guide: every command in it exists, with its options."""

import ast
import re

import pytest

from tests.documented import CLONE, MANAGE, commands, listed, require
from tests.lab import test_guide as in_the_lab

GUIDE = (CLONE / "docs" / "operations.md").read_text(encoding="utf-8")
COMMANDS = commands(GUIDE)
GUIDES_WORDS = "init start stop restart status health diagnose repair clean integrity logs"
VERBS = "upgrade rollback backup drill restore rotate-secrets support-bundle"


def test_the_guide_has_its_four_parts() -> None:
    assert re.findall(r"^## (.*)$", GUIDE, re.MULTILINE) == ["A day", "A week", "An upgrade", "A disaster"]


def test_the_command_offers_the_words_of_the_guide_and_every_verb() -> None:
    assert {*GUIDES_WORDS.split(), *VERBS.split()} <= listed()


@pytest.mark.parametrize("verb", [*VERBS.split(), "repair", "start", "stop", "restart"])
def test_a_verb_is_a_playbook_of_the_same_name(verb: str) -> None:
    assert (CLONE / "playbooks" / f"{verb}.yml").exists()


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_exists_with_its_options(command: str) -> None:
    require(command)


def written_guide() -> set[str]:
    """Return the commands that molecule/lifecycle expects; that module needs its machine to be imported."""
    module = ast.parse((CLONE / "molecule/lifecycle/tests/test_written_guide.py").read_text(encoding="utf-8"))
    (says,) = (
        node.value for node in module.body if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "SAYS"
    )
    assert isinstance(says, ast.Dict)
    return {eval(ast.unparse(key), {"SCRIPT": MANAGE}) for key in says.keys if key is not None}


def test_every_command_is_run_by_a_test() -> None:
    """A new one has to say what it prints; one that is gone has to go there, too."""
    assert written_guide() == set(COMMANDS)
    assert set(in_the_lab.SAYS) < set(COMMANDS)
