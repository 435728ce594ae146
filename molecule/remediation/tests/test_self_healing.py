"""A failed look at health repairs what is safe, within a budget, and stops where a repair did not help."""

import json
import time
from typing import Any

import pytest
from testinfra.host import Host

from .faults import FAULTS
from .test_remediation import CHOSEN, playbook, wait_for

pytestmark = pytest.mark.skipif(CHOSEN != "others", reason="takes minutes: set REMEDIATION_FAULTS=others")
RECORD = "/var/lib/marketprism/remediation/record.jsonl"
FROZEN = "/var/lib/marketprism/remediation/frozen"
WHEELS = "/opt/marketprism/current/wheels/lock.txt"
AWAY = "/var/tmp/lock.txt"
UNIT = "marketprism-remediate.service"


def repairs(host: Host) -> list[dict[str, Any]]:
    """Return the automatic repairs of this test."""
    lines = host.check_output(f"cat {RECORD} 2>/dev/null || true").splitlines()
    return [entry for entry in map(json.loads, lines) if entry["by"] == "timer"]


def look_at_health(host: Host) -> str:
    """Do what the timer does, wait for what follows, and return what that said."""
    began = host.check_output("date +%s.%N")
    assert host.run("systemctl start marketprism-health.service").rc != 0
    deadline = time.monotonic() + 240
    while host.check_output(f"systemctl show --value -P SubState {UNIT}") in {"start", "auto-restart"}:
        assert time.monotonic() < deadline, host.run(f"journalctl --unit {UNIT} --lines 20").stdout
        time.sleep(1)
    return host.check_output(f"journalctl --unit {UNIT} --output cat --since=@{began}")


@pytest.fixture(autouse=True)
def unrepaired(well: None, host: Host) -> None:
    """Begin with a machine on which nothing was repaired by itself."""
    host.check_output(f"[ ! -e {AWAY} ] || mv {AWAY} {WHEELS}")  # of a test that was interrupted
    host.check_output(f"rm -f {FROZEN}; [ ! -e {RECORD} ] || mv {RECORD} {RECORD}.before")


def test_it_repairs_then_freezes_and_keeps_its_budget(host: Host, capsys: pytest.CaptureFixture[str]) -> None:
    FAULTS["storage-down"].inject(host)
    wait_for(host, ["storage-down"], 60)
    began = time.monotonic()
    said = look_at_health(host)
    assert "storage-down is repaired" in said
    wait_for(host, [], 60)
    healed = time.monotonic() - began
    assert [(each["problem"], each["result"]) for each in repairs(host)] == [("storage-down", "repaired")]

    # One that cannot help: what the environment is built from is gone as well.
    host.check_output(f"mv {WHEELS} {AWAY}")
    try:
        FAULTS["storage-down"].inject(host)
        wait_for(host, ["storage-down"], 60)
        said = look_at_health(host)
    finally:
        host.check_output(f"mv {AWAY} {WHEELS}")
    assert "Automation is frozen: the repair of storage-down did not help" in said
    assert [each["result"] for each in repairs(host)] == ["repaired", "failed"]
    code, said = playbook("storage-down", "remediation_apply=true")
    assert code == 0, said

    FAULTS["nats-down"].inject(host)
    wait_for(host, ["nats-down"], 60)
    assert "automation is frozen: the repair of storage-down did not help" in look_at_health(host)
    host.check_output(f"rm {FROZEN}")
    assert "2 repairs in the last hour: a person has to look" in look_at_health(host)
    assert len(repairs(host)) == 2
    code, said = playbook("nats-down", "remediation_apply=true")
    assert code == 0, said
    wait_for(host, [], 60)
    host.check_output(f"systemctl reset-failed marketprism-health.service {UNIT}")
    with capsys.disabled():
        print(f"\n| self-healing: well again {healed:.0f} s after the look at health")
