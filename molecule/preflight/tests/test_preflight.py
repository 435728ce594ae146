"""Preflight only looks: it leaves nothing behind, and says no in words that help (the side effect compares them)."""

from testinfra.host import Host


def test_both_holders_still_run(host: Host) -> None:
    """Neither the unit of ours nor the stranger was touched."""
    assert host.service("ours").is_running
    assert host.service("stranger").is_running


def test_nothing_was_installed(host: Host) -> None:
    """A refusal comes before any change."""
    assert not host.file("/opt/marketprism").exists
    assert not host.user("marketprism").exists
