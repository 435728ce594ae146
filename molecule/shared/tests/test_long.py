"""What `./scripts/test.sh --all` asks of every scenario besides: a reboot, and that uninstalling leaves only data."""

import os
import subprocess
import time
from pathlib import Path

import pytest
from testinfra.host import Host

pytestmark = pytest.mark.skipif(
    not os.environ.get("MOLECULE_LONG"), reason="takes minutes over all scenarios: MOLECULE_LONG=1"
)
CLONE = Path(os.environ["MOLECULE_PROJECT_DIRECTORY"])
EPHEMERAL = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"])
SETTLED_SECONDS = 120
GROUPS = ("nats", "clickhouse", "storage", "simulator", "collector")
NAMES = "{marketprism,nats,clickhouse}"
PLACES = f"ls -d /opt/{NAMES} /etc/{NAMES} /etc/clickhouse-server /var/lib/{NAMES}"


def ansible(program: str, *arguments: str | Path) -> str:
    """Run one of Ansible's programs as molecule does; returns what it printed."""
    environ = {
        **os.environ,
        "ANSIBLE_CONFIG": str(EPHEMERAL / "ansible.cfg"),
        "ANSIBLE_ROLES_PATH": str(CLONE / "roles"),
    }
    command = [program, "-i", EPHEMERAL / "inventory", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environ)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def running(host: Host) -> set[str]:
    """Return the units that run and that systemd starts by itself."""
    enabled = host.check_output("systemctl list-unit-files --state=enabled --no-legend --plain")
    active = host.check_output("systemctl list-units --state=active --no-legend --plain")
    return {line.split()[0] for line in enabled.splitlines()} & {line.split()[0] for line in active.splitlines()}


def test_everything_is_back_after_a_reboot(host: Host) -> None:
    before, booted = running(host), host.check_output("systemctl show -P UserspaceTimestamp")
    ansible("ansible", host.backend.get_hostname(), "-m", "ansible.builtin.reboot")
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
    ansible("ansible-playbook", *uninstall)
    assert host.run(f"bash -c '{PLACES}'").stdout == ""
    assert host.check_output("systemctl --failed --no-legend --plain") == ""
    assert host.run("systemctl list-units --plain --no-legend 'nats-server*' 'clickhouse*'").stdout == ""
    for place in there:
        assert host.run(f"ls -d /var/lib/marketprism-aside/*{place}").rc == 0
    assert "changed=0" in ansible("ansible-playbook", *uninstall)
