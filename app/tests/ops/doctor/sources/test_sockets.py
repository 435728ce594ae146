"""The owner of a port is found as ss would find it."""

import os
import socket
import sys
from pathlib import Path

import pytest

from marketprism.ops.doctor.sources import sockets


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_our_own_listener_is_found_with_our_command(address: str) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.create_server((address, 0), family=family) as server:
        port = server.getsockname()[1]
        (found,) = sockets.listeners({port})
        assert (found.port, found.pid) == (port, os.getpid())
        assert Path(sys.executable).name.rstrip("0123456789.") in found.command
    assert sockets.listeners({port}) == ()


def test_a_connection_is_no_listener() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        assert sockets.listeners({client.getsockname()[1]}) == ()


def test_a_listener_of_somebody_else_is_told_without_a_name(tmp_path: Path) -> None:
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "tcp").write_text(
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
        "   0: 0100007F:107E 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 12345 1\n"
    )
    (found,) = sockets.listeners({4222}, tmp_path)
    assert (found.port, found.pid) == (4222, None)


@pytest.mark.parametrize(
    ("line", "unit"),
    [
        ("0::/system.slice/nats-server.service", "nats-server.service"),
        (r"0::/system.slice/system-marketprism\x2dstorage.slice/storage@hot.service", "storage@hot.service"),
        ("0::/system.slice/nats-server.service/sub", "nats-server.service"),
        ("0::/user.slice/user-0.slice/session-1.scope", ""),
    ],
)  # fmt: skip
def test_the_service_of_a_process_is_read_from_its_control_group(tmp_path: Path, line: str, unit: str) -> None:
    (tmp_path / "cgroup").write_text(line + "\n")
    assert sockets.unit(tmp_path) == unit


def test_a_process_that_has_ended_belongs_to_no_service(tmp_path: Path) -> None:
    assert sockets.unit(tmp_path / "gone") == ""
