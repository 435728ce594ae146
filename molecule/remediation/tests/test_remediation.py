"""Each problem on a real machine: named by the doctor, refused by the wrong playbook, repaired and proved."""

import json
import os
import re
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from testinfra.host import Host

from .faults import FAULTS, SHORT, Fault

CLONE = Path(os.environ["MOLECULE_PROJECT_DIRECTORY"])
EPHEMERAL = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"])
MACHINE = "mp-remediation"
CHOSEN = os.environ.get("REMEDIATION_FAULTS", "")
NAMES = list(FAULTS) if CHOSEN == "all" else CHOSEN.split(",") if CHOSEN else SHORT
DETECTION_SECONDS = 60  # 15 on a machine of its own; a computer that several share is slower
REPAIR_SECONDS = 60
SILENT: dict[str, Any] = {"exit_code": 2, "roots": [], "findings": [], "unexplained": None}
"""What a doctor says that does not run, as its own environment is damaged."""
STATE = (
    "sha256sum /etc/marketprism/*.yml /etc/marketprism/*.env /etc/nats/*.conf /etc/clickhouse-server/users.d/*;"
    " find /opt/marketprism/current/venv/lib/*/site-packages -type f -not -path '*/__pycache__/*'"
    " -printf '%p %m %u %s %T@\\n';"
    " find /run/systemd/system.control /var/lib/marketprism/remediation; true"
)
"""Prints what a repair could change, a line each."""


@dataclass(frozen=True, slots=True)
class Measured:
    """How long one problem took: from the fault to its name, and from the start of the playbook to a healthy host."""

    problem: str
    named: float
    limit: float
    repaired: float | None


MEASURED: list[Measured] = []


def playbook(problem: str, *variables: str) -> tuple[int, str]:
    """Run a playbook of remediation as an operator would."""
    command = ["ansible-playbook", "-i", str(EPHEMERAL / "inventory"), f"{CLONE}/playbooks/remediate/{problem}.yml"]
    for variable in (f"marketprism_inventory={MACHINE}", "remediation_limit_per_hour=99", *variables):
        command += ["-e", variable]
    environ = {**os.environ, "ANSIBLE_CONFIG": f"{EPHEMERAL}/ansible.cfg", "ANSIBLE_ROLES_PATH": f"{CLONE}/roles"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environ)
    return done.returncode, done.stdout + done.stderr


def doctor(host: Host) -> dict[str, Any]:
    """Ask the doctor."""
    answer = host.run("marketprism doctor --json")
    return json.loads(answer.stdout) if answer.stdout.startswith("{") else SILENT


def wait_for(host: Host, roots: list[str], seconds: float) -> float:
    """Wait until the doctor names these causes and no other; returns the seconds."""
    began = time.monotonic()
    while True:
        found = doctor(host)
        if found["roots"] == roots and (roots or found["exit_code"] == 0):
            return time.monotonic() - began
        if time.monotonic() - began > seconds:
            pytest.fail(f"after {seconds} s not {roots or 'healthy'}: {json.dumps(found, indent=1)}")
        time.sleep(1)


@pytest.fixture(autouse=True)
def well(host: Host) -> None:
    """Begin with a machine on which all is well and that nobody but the test repairs."""
    host.check_output("systemctl stop marketprism-health.timer")
    wait_for(host, [], 120)


@pytest.mark.parametrize("problem", NAMES)
def test_a_problem_is_named_rehearsed_repaired_and_proved(host: Host, problem: str) -> None:
    fault = FAULTS[problem]
    if fault.impossible:
        pytest.skip(f"{problem}: {fault.impossible}")
    before = lost(host)
    fault.inject(host)
    try:
        named = wait_until_named(host, problem, fault)
        state = host.check_output(STATE).splitlines()
        code, said = playbook(problem)
        assert (code == 0) or not fault.repaired, said
        assert f"{problem} is there" in said
        code, said = playbook(fault.wrong, "remediation_apply=true")
        assert code != 0, said
        assert f"This is not {fault.wrong}; nothing was changed" in re.sub(r"\s+", " ", said)
        assert sorted(host.check_output(STATE).splitlines()) == sorted(state)
        repaired = prove(host, problem, fault, before)
    finally:
        fault.clean(host)
    MEASURED.append(Measured(problem, named, fault.limit, repaired))


def test_half_of_the_repairs_take_less_than_a_minute(capsys: pytest.CaptureFixture[str]) -> None:
    repaired = [each.repaired for each in MEASURED if each.repaired is not None]
    with capsys.disabled():
        print("\n| problem | named after s | its limit s | healthy after s |\n|---|---|---|---|")
        for each in MEASURED:
            healthy = "refused" if each.repaired is None else f"{each.repaired:.0f}"
            print(f"| {each.problem} | {each.named:.0f} | {each.limit:.0f} | {healthy} |")
        for problem in NAMES:
            if reason := FAULTS[problem].impossible:
                print(f"| {problem} | | | skipped: {reason} |")
        print(f"| median | {median(each.named for each in MEASURED):.0f} | | {median(repaired):.0f} |")
    assert median(repaired) < REPAIR_SECONDS


def wait_until_named(host: Host, problem: str, fault: Fault) -> float:
    """Wait until the doctor names the problem; where the fault silences it, the playbook is asked instead."""
    if doctor(host) is SILENT:
        return 0.0
    return wait_for(host, [problem], fault.limit + DETECTION_SECONDS)


def prove(host: Host, problem: str, fault: Fault, before: int) -> float | None:
    """Repair it, or see that the playbook says why not; returns the seconds."""
    began = time.monotonic()
    code, said = playbook(problem, "remediation_apply=true")
    if not fault.repaired:
        assert code != 0, said
        return None
    assert code == 0, said
    wait_for(host, [], 120)
    seconds = time.monotonic() - began
    record = json.loads(host.check_output("tail -n 1 /var/lib/marketprism/remediation/record.jsonl"))
    assert (record["problem"], record["result"]) == (problem, "repaired")
    assert record["evidence"]
    if fault.audited:
        audit(host, before)
    code, said = playbook(problem, "remediation_apply=true")
    assert code == 0, said
    assert f"{problem} is not there" in said
    assert "changed=0" in said
    if fault.is_profile:
        code, said = playbook(problem, "remediation_revert=true")
        assert code == 0, said
        assert problem not in host.file("/etc/marketprism/marketprism.env").content_string
    return seconds


def audit(host: Host, before: int) -> None:
    """No message is lost that was stored or in the stream; what is on its way gets time to arrive."""
    deadline = time.monotonic() + 90
    while lost(host) > before:
        assert time.monotonic() < deadline, host.run("marketprism audit").stdout
        time.sleep(3)


def lost(host: Host) -> int:
    """Count messages that storage acknowledged and that are nowhere."""
    answer = host.run("marketprism audit --json --since 1h")
    return sum(each["lost"] for each in json.loads(answer.stdout)["deliveries"])
