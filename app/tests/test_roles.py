"""Every role says what it takes, is explained, and is tried on a machine."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from marketprism.settings import SYSTEM_SPOOL
from tests.role_tables import written

CLONE = Path(__file__).parents[2]
ROLES = sorted(path for path in (CLONE / "roles").iterdir() if path.is_dir())


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_argument_specs_equal_the_defaults(role: Path) -> None:
    """Every option with a default is declared with that very default, and nothing else has one."""
    options: dict[str, Any] = {}
    for entry in read(role / "meta" / "argument_specs.yml")["argument_specs"].values():
        options |= entry.get("options", {})
    defaults = read(role / "defaults" / "main.yml") if (role / "defaults" / "main.yml").exists() else {}
    declared = {name: option["default"] for name, option in options.items() if "default" in option}
    assert declared == defaults


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_a_role_is_explained_and_tried_on_a_machine(role: Path) -> None:
    assert (CLONE / "molecule" / role.name / "molecule.yml").exists()
    assert (role / "README.md").read_text(encoding="utf-8") == written(role), "run: python app/tests/role_tables.py"


def test_the_collectors_unit_may_write_to_the_spool_that_the_settings_name() -> None:
    (directory,) = re.findall(
        r"systemd_unit_state_directory: (\S+)", (CLONE / "roles/collector/tasks/main.yml").read_text()
    )
    assert Path("/var/lib") / directory == SYSTEM_SPOOL


def test_scenarios_have_addresses_of_their_own() -> None:
    addresses = [
        machine["address"]
        for scenario in (CLONE / "molecule").glob("*/molecule.yml")
        for machine in yaml.safe_load(re.sub(r"\$\{\w+(:-)?", "${", scenario.read_text(encoding="utf-8")))["platforms"]
    ]
    assert len(addresses) > len(ROLES)
    assert len(set(addresses)) == len(addresses)


@pytest.mark.parametrize("word", ["ignore_errors", "ansible_os_family", "ansible_distribution"])
def test_no_playbook_hides_errors_or_takes_injected_facts(word: str) -> None:
    found = [
        str(path.relative_to(CLONE))
        for folder in ("roles", "playbooks", "molecule", "inventories")
        for path in (CLONE / folder).rglob("*.yml")
        if word in path.read_text(encoding="utf-8")
    ]
    assert found == []


FIXED = re.compile(
    r"\w+_(user|python|packages|minimum|privileges|grants|data_dir|data_dirs|inbox_prefix)|(lab|simulator|artifacts)_\w+"
    r"|(systemd_unit|remediation)_\w+"
)
"""No knobs of an installation: its parts know each other by them, or they are the lab's."""


def test_the_example_names_every_knob_and_nothing_else() -> None:
    """A knob is what a role has a default for and no playbook sets."""
    example = (CLONE / "inventories" / "example" / "group_vars" / "marketprism.yml").read_text(encoding="utf-8")
    named = set(re.findall(r"^(?:# )?([a-z]\w+):(?: |$)", example, re.MULTILINE))
    playbooks = "".join(path.read_text(encoding="utf-8") for path in (CLONE / "playbooks").rglob("*.yml"))
    wired = read(CLONE / "playbooks" / "group_vars" / "all.yml")
    defaults = {name for role in ROLES for name in read(role / "defaults" / "main.yml")}
    set_by_playbooks = {name for name in defaults if re.search(rf"^ +{name}:", playbooks, re.MULTILINE)}
    asked = {name for name in defaults - set_by_playbooks - set(wired) if not FIXED.fullmatch(name)}
    assert asked - named == set()
    known = {*defaults, *wired, *wired["__marketprism_words"]}
    assert {name for name in named if not name.startswith("ansible_")} - known == set()


def test_uninstalling_knows_every_job() -> None:
    jobs = read(CLONE / "roles" / "maintenance" / "vars" / "main.yml")["__maintenance_jobs"]
    (uninstall,) = read(CLONE / "playbooks" / "uninstall.yml")
    assert sorted(uninstall["vars"]["__jobs"]) == sorted(job["name"] for job in jobs)
