"""Each problem on a real machine: named by the doctor, refused by the wrong playbook, repaired and proved."""

import json
import os
import re
import subprocess
import time
import urllib.parse
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from testinfra.host import Host

from .faults import FAULTS, PROMETHEUS, SETS, Fault, ask

CLONE = Path(os.environ["MOLECULE_PROJECT_DIRECTORY"])
EPHEMERAL = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"])
MACHINE = "mp-remediation"
CHOSEN = os.environ.get("REMEDIATION_FAULTS", "")
NAMES = SETS.get(CHOSEN, CHOSEN.split(","))
DETECTION_SECONDS = 60  # 15 on a machine of its own; a computer that several share is slower
ALERT_SECONDS = 120
"""A minute between two looks of the doctor, and a quarter of one each until it is read and judged."""
REPAIR_SECONDS = 60
BEFORE_SECONDS = 120
"""What the audit looks at begins so long before the fault."""
SILENT: dict[str, Any] = {"exit_code": 2, "roots": [], "findings": [], "unexplained": None}
"""What a doctor says that does not run, as its own environment is damaged."""
STATE = (
    "sha256sum /etc/marketprism/*.yml /etc/marketprism/*.env /etc/nats/*.conf /etc/clickhouse-server/users.d/*;"
    " find /opt/marketprism/current/venv/lib/*/site-packages -type f -not -path '*/__pycache__/*'"
    " -printf '%p %m %u %s %T@\\n';"
    " find /var/lib/nats/jetstream /var/lib/clickhouse/store -maxdepth 0 -printf '%p %m %u\\n';"
    " find /run/systemd/system.control /etc/systemd/system -printf '%p %s %T@\\n';"
    " find /var/lib/marketprism/remediation; true"
)
"""Prints what a repair could change, a line each."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Seconds from the fault to its name and to its alert, and from the start of the playbook to a healthy host.

    Attributes:
        fault: Of `FAULTS`.
        limit: What its rule waits to be sure.
        alerted: None where nobody waited for it.
        repaired: None where the playbook had to refuse.
    """

    fault: str
    named: float
    limit: float
    alerted: float | None
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


@pytest.mark.parametrize("name", NAMES)
def test_a_problem_is_named_rehearsed_repaired_and_proved(host: Host, name: str) -> None:
    fault, problem = FAULTS[name], name.partition(":")[0]
    if fault.impossible:
        pytest.skip(f"{name}: {fault.impossible}")
    since = shortly_before(host)
    before = lost(host, since)
    fault.inject(host)
    began = time.monotonic()
    try:
        if fault.loses:
            before = lost(host, since)
        named = wait_until_named(host, problem, fault)
        state = host.check_output(STATE).splitlines()
        code, said = playbook(problem)
        assert (code == 0) or not fault.repaired, said
        assert f"{problem} is there" in said
        code, said = playbook(fault.wrong, "remediation_apply=true")
        assert code != 0, said
        assert f"This is not {fault.wrong}; nothing was changed" in re.sub(r"\s+", " ", said)
        assert sorted(host.check_output(STATE).splitlines()) == sorted(state)
        alerted = wait_for_alert(host, problem, began, fault.limit + ALERT_SECONDS) if CHOSEN else None
        repaired = prove(host, problem, fault, since, before)
    finally:
        fault.clean(host)
    MEASURED.append(Measured(name, named, fault.limit, alerted, repaired))


@pytest.mark.skipif(not NAMES, reason="no faults are chosen")
def test_half_of_the_repairs_take_less_than_a_minute(capsys: pytest.CaptureFixture[str]) -> None:
    repaired = [each.repaired for each in MEASURED if each.repaired is not None]
    alerted = [each.alerted for each in MEASURED if each.alerted is not None]
    with capsys.disabled():
        print("\n| fault | named after s | its limit s | alert after s | healthy after s |\n|---|---|---|---|---|")
        for each in MEASURED:
            healthy = "refused" if each.repaired is None else f"{each.repaired:.0f}"
            print(f"| {each.fault} | {each.named:.0f} | {each.limit:.0f} | {figure(each.alerted)} | {healthy} |")
        for name in NAMES:
            if reason := FAULTS[name].impossible:
                print(f"| {name} | | | | skipped: {reason} |")
        told = figure(median(alerted) if alerted else None)
        print(f"| median | {median(each.named for each in MEASURED):.0f} | | {told} | {median(repaired):.0f} |")
    assert median(repaired) < REPAIR_SECONDS


def figure(seconds: float | None) -> str:
    """Write seconds that may not have been measured."""
    return "" if seconds is None else f"{seconds:.0f}"


def wait_until_named(host: Host, problem: str, fault: Fault) -> float:
    """Wait until the doctor names the problem; where the fault silences it, the playbook is asked instead."""
    if doctor(host) is SILENT:
        return 0.0
    return wait_for(host, [problem], fault.limit + DETECTION_SECONDS)


def wait_for_alert(host: Host, problem: str, began: float, seconds: float) -> float:
    """Wait until Prometheus tells of the problem; returns the seconds."""
    query = urllib.parse.quote(f'ALERTS{{alertname="{problem}",alertstate="firing"}}')
    while True:
        if json.loads(ask(host, f"{PROMETHEUS}?query={query}", method="GET"))["data"]["result"]:
            return time.monotonic() - began
        assert time.monotonic() - began < seconds, f"{problem} is not alerted of after {seconds} s"
        time.sleep(1)


def prove(host: Host, problem: str, fault: Fault, since: str, before: int) -> float | None:
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
    audit(host, since, before)
    code, said = playbook(problem, "remediation_apply=true")
    assert code == 0, said
    assert f"{problem} is not there" in said
    assert "changed=0" in said
    if fault.is_profile:
        code, said = playbook(problem, "remediation_revert=true")
        assert code == 0, said
        assert problem not in host.file("/etc/marketprism/marketprism.env").content_string
    return seconds


def shortly_before(host: Host) -> str:
    """Return the time from which an audit looks at what happens now."""
    return host.check_output(f"date --utc --date='{BEFORE_SECONDS} seconds ago' +%FT%T")


def audit(host: Host, since: str, before: int) -> None:
    """No message is lost that was stored or in the stream; what is on its way gets time to arrive."""
    deadline = time.monotonic() + 90
    while lost(host, since) > before:
        assert time.monotonic() < deadline, host.run(f"marketprism audit --since {since}").stdout
        time.sleep(3)


def lost(host: Host, since: str) -> int:
    """Count messages that storage acknowledged and that are nowhere."""
    answer = host.run(f"marketprism audit --json --since {since}")
    return sum(each["lost"] for each in json.loads(answer.stdout)["deliveries"])
