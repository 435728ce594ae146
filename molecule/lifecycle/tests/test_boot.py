"""What a machine goes through by itself: it boots, its services start in any order, and all of them die at once."""

import time

import pytest
from installation import ansible
from testinfra.host import Host

UNITS = ("nats-server", "clickhouse-server", "marketprism-storage@hot", "marketprism-collector")
HEALTHY_SECONDS = 120
ORDERS = {"backwards": UNITS[::-1], "collector-first": (UNITS[-1], *UNITS[:-1]), "nats-last": (*UNITS[1:], UNITS[0])}


def wait_until_healthy(host: Host) -> None:
    deadline = time.monotonic() + HEALTHY_SECONDS
    while (answer := host.run("marketprism health")).rc:
        assert time.monotonic() < deadline, answer.stdout + answer.stderr
        time.sleep(2)


def rows(host: Host) -> int:
    return int(host.check_output("marketprism sql --format tsv 'SELECT count() FROM trades'"))


def test_a_new_installation_is_well_in_every_respect(host: Host) -> None:
    """The doctor finds nothing, and an audit of everything neither."""
    wait_until_healthy(host)
    assert host.check_output("marketprism health --full") == "healthy"


@pytest.mark.parametrize("order", ORDERS)
def test_the_services_find_each_other_in_whatever_order_they_start(host: Host, order: str) -> None:
    host.check_output(f"systemctl stop marketprism.target {' '.join(UNITS)}")
    for unit in ORDERS[order]:
        host.check_output("systemctl start --no-block %s", unit)
        time.sleep(2)
    wait_until_healthy(host)
    before = rows(host)
    time.sleep(5)
    assert rows(host) > before


def test_all_of_them_may_die_at_once(host: Host) -> None:
    """systemd has them back, each with another process."""
    before = {unit: host.check_output("systemctl show -P MainPID %s", unit) for unit in UNITS}
    host.check_output(f"systemctl kill --signal=KILL {' '.join(UNITS)}")
    wait_until_healthy(host)
    after = {unit: host.check_output("systemctl show -P MainPID %s", unit) for unit in UNITS}
    assert not [unit for unit in UNITS if before[unit] == after[unit]]


def test_a_reboot_brings_everything_back(host: Host) -> None:
    timers = host.check_output("systemctl list-timers --all --no-legend 'marketprism-*' | wc -l")
    stored = rows(host)
    booted = host.check_output("systemctl show -P UserspaceTimestamp")
    done = ansible("ansible", "all:!localhost", "-m", "ansible.builtin.reboot")
    assert done.returncode == 0, done.stdout + done.stderr
    assert host.check_output("systemctl show -P UserspaceTimestamp") != booted
    wait_until_healthy(host)
    assert rows(host) >= stored
    assert host.check_output("systemctl list-timers --all --no-legend 'marketprism-*' | wc -l") == timers
