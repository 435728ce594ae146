"""A lab machine behaves like a small Debian box of its own."""

from __future__ import annotations

from pathlib import Path

import pytest
import testinfra
from testinfra.host import Host

UNIT = """[Service]
Type=notify
NotifyAccess=all
DynamicUser=yes
PrivateUsers=yes
LoadCredential=word:/root/word
ExecStart=/bin/sh -c 'systemd-notify --ready --status="$(wc -c < $CREDENTIALS_DIRECTORY/word)"; exec sleep 300'
"""


@pytest.fixture
def here() -> Host:
    """The controller."""
    return testinfra.get_host("local://")


def test_systemd_has_started_everything(host: Host) -> None:
    """After the reboot of the side effect the machine is up by itself."""
    assert host.check_output("systemctl is-system-running") == "running"


def test_name_and_identity_are_its_own(host: Host, here: Host) -> None:
    """Two machines of one tree share neither machine id nor host key."""
    assert host.check_output("hostname") == "mp-lab"
    second = Path("/var/lib/marketprism-lab/lab-second/rootfs")
    for name in ("etc/machine-id", "etc/ssh/ssh_host_ed25519_key.pub", "root/.ssh/authorized_keys"):
        other = (second / name).read_text()
        assert len(other) > 30
        assert host.file(f"/{name}").content_string != other


def test_apt_has_installed_a_package(host: Host) -> None:
    """The converge step installed it over the masqueraded network."""
    assert host.package("tree").is_installed


def test_machines_reach_each_other(host: Host) -> None:
    """They share the bridge."""
    script = "import socket; socket.create_connection(('10.98.0.41', 22), 5)"
    assert host.run("python3 -c %s", script).rc == 0


def test_services_of_two_machines_are_apart(host: Host, here: Host) -> None:
    """They have control groups of their own, so limits and ends of services do not mix."""
    groups = [
        {line.partition(":")[2] for line in Path(f"/proc/{leader(here, name)}/cgroup").read_text().splitlines()}
        for name in ("mp-lab", "lab-second")
    ]
    assert not {group for group in groups[0] & groups[1] if "init.scope" in group}
    assert any("init.scope" in group for group in groups[0])
    assert here.run("nsenter -a -t %s systemctl restart ssh", leader(here, "lab-second")).rc == 0
    assert host.check_output("systemctl is-active ssh") == "active"


def leader(here: Host, name: str) -> str:
    """Return the machine's PID 1 as the controller numbers it."""
    nspawn = here.check_output("pgrep -f -- '^systemd-nspawn .*--machine=%s '", name)
    return here.check_output("pgrep -P %s", nspawn)


def test_notify_and_credentials_work(host: Host) -> None:
    """Units of the kind the platform installs start, with a secret in a credential."""
    host.check_output("printf %s secret > /root/word")
    host.check_output("printf '%%s' %s > /run/systemd/system/probe.service", UNIT)
    host.check_output("systemctl daemon-reload")
    host.check_output("systemctl restart probe.service")
    assert host.check_output("systemctl show -P StatusText probe.service") == "6"
    host.check_output("systemctl stop probe.service")


def test_settings_of_the_kernel_stay_the_machines(host: Host, here: Host) -> None:
    """net.* belongs to the namespace, vm.swappiness to a private copy, the rest is read-only."""
    before = here.check_output("sysctl -n net.core.somaxconn vm.swappiness kernel.pid_max")
    host.check_output("sysctl -w net.core.somaxconn=1234 vm.swappiness=17")
    assert host.check_output("sysctl -n net.core.somaxconn vm.swappiness").split() == ["1234", "17"]
    assert host.run("sysctl -w kernel.pid_max=30000").rc != 0
    assert here.check_output("sysctl -n net.core.somaxconn vm.swappiness kernel.pid_max") == before
