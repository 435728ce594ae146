"""A healthy host under load: no false alarm, and watching it costs next to nothing."""

import json
import time

import pytest
from testinfra.host import Host

from .faults import ask, simulate, withdraw
from .test_remediation import CHOSEN, PROMETHEUS

pytestmark = pytest.mark.skipif(CHOSEN != "others", reason="takes minutes: set REMEDIATION_FAULTS=others")
LOOKS = 200
WATCHED_SECONDS = 240
CPU_SECONDS_PER_MINUTE = 0.6


def test_the_doctor_raises_no_false_alarm_under_load(host: Host, capsys: pytest.CaptureFixture[str]) -> None:
    simulate(host, fault="burst", seconds=3600, factor=10)
    try:
        looks = f"for look in $(seq {LOOKS}); do marketprism doctor --json | tr -d '\\n'; echo; done"
        found = [json.loads(line) for line in host.check_output(looks).splitlines()]
        told = json.loads(ask(host, f"{PROMETHEUS}?query=ALERTS", method="GET"))["data"]["result"]
    finally:
        withdraw(host)
    alarms = [each for each in found if each["verdict"] != "healthy"]
    with capsys.disabled():
        print(f"\n| doctor under load: {len(found)} looks, {len(alarms)} alarms")
    assert len(found) == LOOKS
    assert alarms == []
    assert [each["metric"] for each in told if each["metric"]["alertstate"] == "firing"] == []


def test_watching_costs_next_to_nothing(host: Host, capsys: pytest.CaptureFixture[str]) -> None:
    host.check_output("systemd-run --collect --unit=watching marketprism doctor --watch --json --interval 60")
    try:
        time.sleep(30)  # the first look is behind it, and the next is not due
        before = cpu_seconds(host)
        time.sleep(WATCHED_SECONDS)
        used = (cpu_seconds(host) - before) * 60 / WATCHED_SECONDS
        looks = host.check_output("journalctl --unit watching --output cat --since=-300s").count('"verdict"')
    finally:
        host.check_output("systemctl stop watching")
    with capsys.disabled():
        print(f"\n| doctor --watch: {used:.2f} CPU-seconds a minute")
    assert looks == 1 + WATCHED_SECONDS // 60
    assert used < CPU_SECONDS_PER_MINUTE


def cpu_seconds(host: Host) -> float:
    """Return what the watching doctor and the programs that it asked have used."""
    process = host.check_output("systemctl show --property=MainPID --value watching")
    fields = host.check_output(f"cat /proc/{process}/stat").rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / 100
