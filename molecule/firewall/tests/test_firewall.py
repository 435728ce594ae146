"""The firewall after drift, a lock-out that failed, a change of mind and a reboot."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from testinfra.host import Host

ADDRESS = "10.98.0.37"
LISTENING = (8085, 8087, 8088, 8123)


@pytest.fixture(scope="module", autouse=True)
def servers(host: Host) -> Iterator[None]:
    for port in LISTENING:
        host.check_output(f"systemd-run --unit=web-{port} --collect python3 -m http.server {port}")
        host.check_output(
            f"timeout 10 bash -c 'until exec 3<>/dev/tcp/127.0.0.1/{port}; do sleep 0.2; done' 2>/dev/null"
        )
    yield
    for port in LISTENING:
        host.check_output(f"systemctl stop web-{port}")


def reachable(port: int) -> bool:
    try:
        with socket.create_connection((ADDRESS, port), timeout=2):
            return True
    except TimeoutError:
        return False


@pytest.mark.parametrize(("port", "admitted"), [(22, True), (8123, True), (8087, True), (8085, False), (8088, False)])
def test_only_what_is_named_is_admitted_and_from_where_it_is_named(port: int, *, admitted: bool) -> None:
    assert reachable(port) is admitted


def test_rules_that_would_cut_the_operator_off_are_taken_back(host: Host) -> None:
    said = host.file("/refusal").content_string
    assert "could not be reached over a new connection" in said
    assert "firewall_ssh_ports (2222)" in said
    in_force = host.file("/after-refusal").content_string
    assert "tcp dport 22 accept" in in_force
    assert "2222" not in in_force
    assert "2222" not in host.file("/etc/nftables.d/marketprism.nft").content_string


def test_on_the_host_itself_rules_that_leave_an_sshd_out_are_refused(host: Host) -> None:
    said = host.file("/shut-out").content_string
    assert "sshd on mp-firewall listens on 2222 as well, which firewall_ssh_ports (22) does not admit" in said
    assert "Set firewall_ssh_ports: [22, 2222] in the inventory" in said


def test_answers_to_dhcp_for_ipv6_are_admitted(host: Host) -> None:
    assert "ip6 saddr fe80::/10 udp dport 546 accept" in host.check_output("nft list ruleset")


def test_drift_in_the_kernel_was_repaired_and_the_table_of_somebody_else_left_alone(host: Host) -> None:
    in_force = host.file("/after-refusal").content_string
    assert "table inet somebody" in in_force
    assert "ip6 saddr 2001:db8::/64 tcp dport { 8123, 9000 } accept" in in_force


def test_switched_off_leaves_what_is_not_ours(host: Host) -> None:
    assert host.file("/switched-off").content_string.split("\n")[:-1] == ["table inet somebody"]


def test_no_timer_is_left_that_would_take_confirmed_rules_back(host: Host) -> None:
    assert "marketprism-firewall-revert" not in host.check_output("systemctl list-timers --all --no-legend")


def test_the_rules_come_back_when_the_distributions_service_flushes_everything(host: Host) -> None:
    before = host.check_output("nft --stateless list table inet marketprism")
    for verb in ("restart", "reload"):
        host.check_output(f"systemctl {verb} nftables.service")
        assert host.check_output("nft --stateless list table inet marketprism") == before, verb
    assert host.service("marketprism-firewall").is_running
