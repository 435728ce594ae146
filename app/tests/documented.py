"""Commands as the documents write them: is there such a program, with these words and options?"""

import re
import shlex
from pathlib import Path

from typer.core import TyperGroup
from typer.main import get_command

from marketprism.cli import app

CLONE = Path(__file__).parents[2]
PLAYBOOKS = CLONE / "playbooks"
MANAGE = "scripts/manage_all.sh"
SYSTEM = {
    "apt-get", "bash", "brew", "chmod", "clickhouse", "curl", "df", "dnf", "findmnt", "free", "getent", "id",
    "journalctl", "ls", "nats-server", "pgrep", "ps", "python3", "ss", "su", "sudo", "systemctl", "timedatectl", "top",
    "uname", "usermod",
}  # fmt: skip
"""Programs that are not ours."""


def commands(text: str) -> list[str]:
    """Return the lines of the blocks that are to be typed."""
    return [line for block in re.findall(r"```bash\n(.*?)```", text, re.DOTALL) for line in block.splitlines()]


def require(command: str) -> None:
    """Fail where a word, an option or a variable of a command is none."""
    program, *words = shlex.split(command)
    if program == "marketprism":
        _parse(words)
    elif program == "marketprism-ops":
        _require_playbook(words[0])
        _require_variables(words)
    elif program == MANAGE:
        assert words[0] in listed(), command
        if words[0] == "fix":
            _require_playbook(f"remediate/{words[1]}")
        _require_options(program, words)
        _require_variables(words)
    elif program.startswith("scripts/"):
        _require_options(program, words)
    else:
        assert program in SYSTEM, command


def listed() -> set[str]:
    """Return the first words that the managing script offers."""
    lines = re.findall(r"^  ([a-z][a-z, -]+?)(?:  | [\[(A-Z])", _usage(MANAGE), re.MULTILINE)
    return {word for line in lines for word in line.split(", ")}


def _parse(words: list[str]) -> None:
    known = get_command(app)
    while isinstance(known, TyperGroup):
        known = known.commands[words.pop(0)]
    known.make_context("", words)


def _usage(script: str) -> str:
    text = (CLONE / script).read_text(encoding="utf-8")
    return text.partition("<<'TEXT'")[2].partition("\nTEXT")[0]


def _require_options(script: str, words: list[str]) -> None:
    for option in (word for word in words if word.startswith("-")):
        assert re.search(rf"(?<![a-z-]){option}\b", _usage(script)), f"{script} {option}"


def _require_variables(words: list[str]) -> None:
    inventory = "\n".join(path.read_text(encoding="utf-8") for path in (CLONE / "roles").glob("*/defaults/main.yml"))
    inventory += "\n".join(path.read_text(encoding="utf-8") for path in PLAYBOOKS.rglob("*.yml"))
    for name in (word.partition("=")[0] for word in words if "=" in word):
        assert re.search(rf"\b{name}\b", inventory), name


def _require_playbook(name: str) -> None:
    assert (PLAYBOOKS / f"{name}.yml").exists(), name
