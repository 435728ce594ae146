"""The operator's guide: every command in it exists, with its options."""

import ast
import re
from pathlib import Path

import pytest
from typer.main import get_command

from marketprism.cli import app
from tests.lab import test_guide as in_the_lab

CLONE = Path(__file__).parents[2]
GUIDE = (CLONE / "docs" / "operations.md").read_text(encoding="utf-8")
COMMANDS = [line for block in re.findall(r"```bash\n(.*?)```", GUIDE, re.DOTALL) for line in block.splitlines()]
MANAGE = "scripts/manage_all.sh"
USAGE = (CLONE / MANAGE).read_text(encoding="utf-8").partition("<<'TEXT'")[2].partition("\nTEXT")[0]
_LISTED = re.findall(r"^  ([a-z][a-z, -]+?)(?:  | [\[(A-Z])", USAGE, re.MULTILINE)
WORDS = {word for words in _LISTED for word in words.split(", ")}
HOST = {"systemctl", "journalctl", "df"}
GUIDES_WORDS = "init start stop restart status health diagnose repair clean integrity logs"
VERBS = "upgrade rollback backup drill restore rotate-secrets support-bundle"


def test_the_guide_has_its_four_parts() -> None:
    assert re.findall(r"^## (.*)$", GUIDE, re.MULTILINE) == ["A day", "A week", "An upgrade", "A disaster"]


def test_the_command_offers_the_words_of_the_guide_and_every_verb() -> None:
    assert {*GUIDES_WORDS.split(), *VERBS.split()} <= WORDS


@pytest.mark.parametrize("verb", [*VERBS.split(), "repair", "start", "stop", "restart"])
def test_a_verb_is_a_playbook_of_the_same_name(verb: str) -> None:
    assert (CLONE / "playbooks" / f"{verb}.yml").exists()


@pytest.mark.parametrize("command", [line for line in COMMANDS if line.startswith(MANAGE)])
def test_a_command_of_the_clone_exists_with_its_options(command: str) -> None:
    _, word, *rest = command.split()
    assert word in WORDS
    playbooks = "\n".join(path.read_text(encoding="utf-8") for path in (CLONE / "playbooks").glob("*.yml"))
    for option in (each for each in rest if each.startswith("-")):
        assert re.search(rf"(?<![a-z-]){option}\b", USAGE), option
    for name in (each.partition("=")[0] for each in rest if "=" in each):
        assert name in playbooks, name


@pytest.mark.parametrize("command", [line for line in COMMANDS if not line.startswith(MANAGE)])
def test_a_command_of_the_host_exists_with_its_options(command: str) -> None:
    program, *words = command.split()
    if program in HOST:
        return
    assert program == "marketprism"
    known = get_command(app).commands[words[0]]
    known.make_context(words[0], words[1:])


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
