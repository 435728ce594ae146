"""Write the tables of variables in the roles' READMEs from their argument specs: python app/tests/role_tables.py."""

import re
import sys
from pathlib import Path
from typing import Any

import yaml

ROLES = Path(__file__).parents[2] / "roles"
HEADING = re.compile(r"^### (\w+)$")


def written(role: Path) -> str:
    """Return a role's README with its rows as they have to be.

    An option is where its row is already, otherwise behind the last row; rows without an option, or with two, go.
    Below a heading with the name of an entry point its own options count; without one, the row says with which entry
    point it goes.
    """
    readme = (role / "README.md").read_text(encoding="utf-8").splitlines()
    specs = yaml.safe_load((role / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))["argument_specs"]
    entries = {name: entry.get("options", {}) for name, entry in specs.items()}
    headings = {found[1] for line in readme if (found := HEADING.match(line))}
    wanted: dict[str, str] = {}
    for entry, options in entries.items():
        said = "" if entry == "main" or headings else f"`tasks_from: {entry}`: "
        wanted = {name: _row(name, option, said) for name, option in options.items()} | wanted
    lines: list[str] = []
    own: dict[str, Any] = {}
    last, missing = 0, dict(wanted)
    for line in readme:
        if found := HEADING.match(line):
            own = entries[found[1]]
        found = re.match(rf"\| `({role.name}_\w+)`(.*?) \|", line)
        if found is None:
            lines.append(line)
        elif found[1] in wanted and not found[2]:
            lines.append(_row(found[1], own[found[1]]) if found[1] in own else wanted[found[1]])
            last = len(lines)
            missing.pop(found[1], None)
    lines[last:last] = missing.values()
    return "\n".join(lines) + "\n"


def _row(name: str, option: dict[str, Any], said: str = "") -> str:
    description = option["description"]
    text = description if isinstance(description, str) else " ".join(description)
    return f"| `{name}` | {_default(option)} | {said}{text} |"


def _default(option: dict[str, Any]) -> str:
    if option.get("required"):
        return "**required**"
    default = option["default"]
    shown = str(default).lower() if isinstance(default, bool) else str(default) or '""'
    return "`computed`" if "{{" in shown else f"`{shown}`"


if __name__ == "__main__":
    for each in sorted(path for path in ROLES.iterdir() if path.is_dir()):
        (each / "README.md").write_text(written(each), encoding="utf-8")
        sys.stdout.write(f"{each.name}\n")
