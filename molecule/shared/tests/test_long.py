"""What `./scripts/test.sh --all` asks of every scenario besides: a reboot, and that uninstalling leaves only data."""

import os
import time
from pathlib import Path

import pytest
from installation import CLONE, ansible
from testinfra.host import Host

pytestmark = pytest.mark.skipif(
    not os.environ.get("MOLECULE_LONG"), reason="takes minutes over all scenarios: MOLECULE_LONG=1"
)
SETTLED_SECONDS = 120
GROUPS = ("nats", "clickhouse", "storage", "simulator", "collector")
NAMES = "{marketprism,nats,clickhouse}"
PLACES = f"ls -d /opt/{NAMES} /etc/{NAMES} /etc/clickhouse-server /var/lib/{NAMES}"


def running(host: Host) -> set[str]:
    """Return the units that run and that systemd starts by itself."""
    enabled = host.check_output("systemctl list-unit-files --state=enabled --no-legend --plain")
    active = host.check_output("systemctl list-units --state=active --no-legend --plain")
    return {line.split()[0] for line in enabled.splitlines()} & {line.split()[0] for line in active.splitlines()}


def test_everything_is_back_after_a_reboot(host: Host) -> None:
    before, booted = running(host), host.check_output("systemctl show -P UserspaceTimestamp")
    done = ansible("ansible", host.backend.get_hostname(), "-m", "ansible.builtin.reboot")
    assert done.returncode == 0, done.stdout + done.stderr
    assert host.check_output("systemctl show -P UserspaceTimestamp") != booted
    deadline = time.monotonic() + SETTLED_SECONDS
    while missing := before - running(host):
        assert time.monotonic() < deadline, host.run(f"systemctl status --no-pager {' '.join(missing)}").stdout
        time.sleep(1)
    assert host.check_output("systemctl --failed --no-legend --plain") == ""


def test_uninstalling_takes_it_away_and_keeps_its_data(host: Host, tmp_path: Path) -> None:
    name = host.backend.get_hostname()
    groups = "".join(f"[{group}]\n{name}\n" for group in (*GROUPS, "marketprism"))
    inventory = tmp_path / "everything.ini"
    inventory.write_text(groups)
    there = host.run(f"bash -c '{PLACES}'").stdout.split()
    uninstall = (
        "-i",
        inventory,
        "--limit",
        name,
        CLONE / "playbooks/uninstall.yml",
        "-e",
        "marketprism_confirm_uninstall=yes",
    )
    done = ansible("ansible-playbook", *uninstall)
    assert done.returncode == 0, done.stdout + done.stderr
    assert host.run(f"bash -c '{PLACES}'").stdout == ""
    assert host.check_output("systemctl --failed --no-legend --plain") == ""
    assert host.run("systemctl list-units --plain --no-legend 'nats-server*' 'clickhouse*'").stdout == ""
    for place in there:
        assert host.run(f"ls -d /var/lib/marketprism-aside/*{place}").rc == 0
    assert "changed=0" in ansible("ansible-playbook", *uninstall).stdout
