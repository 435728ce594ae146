"""Messages reach the service manager's socket, and without one nothing happens."""

import socket
from pathlib import Path

import pytest

from marketprism.telemetry.systemd import notify


@pytest.mark.parametrize("abstract", [False, True])
def test_a_message_arrives_as_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, abstract: bool) -> None:
    address = f"@{tmp_path}/notify" if abstract else f"{tmp_path}/notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("\0" + address[1:] if abstract else address)
        monkeypatch.setenv("NOTIFY_SOCKET", address)
        notify("READY=1\nSTATUS=2 venues, 4 books live")
        assert manager.recv(200) == b"READY=1\nSTATUS=2 venues, 4 books live"


def test_without_a_service_manager_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    notify("READY=1")
