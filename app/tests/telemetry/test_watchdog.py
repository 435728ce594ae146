import asyncio
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from marketprism.telemetry.systemd import notify
from marketprism.telemetry.watchdog import STATUS_SECONDS, Watchdog, status_interval


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """The service manager's end of the notification socket."""
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.bind(str(path))
        channel.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(path))
        yield channel


def test_progress_keeps_a_loop_alive() -> None:
    clock = Clock()
    watchdog = Watchdog(clock=clock)
    beat = watchdog.loop("publisher", limit_seconds=10)
    clock.now = 9
    beat.progress()
    clock.now = 18
    assert watchdog.stuck() == {}


def test_a_silent_loop_is_named_with_its_silence() -> None:
    clock = Clock()
    watchdog = Watchdog(clock=clock)
    watchdog.loop("publisher", limit_seconds=10)
    clock.now = 11
    assert watchdog.stuck() == {"publisher": 11}


def test_a_named_outside_wait_is_never_stuck_and_counts_as_progress_when_it_ends() -> None:
    clock = Clock()
    watchdog = Watchdog(clock=clock)
    beat = watchdog.loop("writer", limit_seconds=10)
    with beat.waiting("ClickHouse away"):
        clock.now = 1000
        assert watchdog.stuck() == {}
        assert watchdog.waits() == {"writer": "ClickHouse away"}
    clock.now = 1009
    assert watchdog.stuck() == {}
    assert watchdog.waits() == {}


def test_the_manager_gets_the_status_and_the_sign_of_life(manager: socket.socket) -> None:
    Watchdog().tell("all is well")
    assert manager.recv(1000) == b"WATCHDOG=1\nSTATUS=all is well"


def test_a_stuck_loop_withholds_the_sign_of_life_and_is_named(manager: socket.socket) -> None:
    clock = Clock()
    watchdog = Watchdog(clock=clock)
    watchdog.loop("publisher", limit_seconds=10)
    clock.now = 12
    watchdog.tell("all is well")
    assert manager.recv(1000) == b"STATUS=stuck: publisher for 12 s"


async def test_the_runner_tells_at_once_and_again(manager: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "30000")
    runner = asyncio.create_task(Watchdog().run(lambda: "running"))
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(5):
        assert await loop.sock_recv(manager, 1000) == await loop.sock_recv(manager, 1000)
    runner.cancel()


@pytest.mark.parametrize(("usec", "seconds"), [(None, STATUS_SECONDS), ("30000000", 2.0), ("3000000", 1.0)])
def test_the_interval_leaves_room_for_two_late_messages(usec: str | None, seconds: float) -> None:
    assert status_interval(usec) == seconds


def test_a_manager_that_does_not_read_never_blocks_the_service(manager: socket.socket) -> None:
    started = time.monotonic()
    for _ in range(20):  # a datagram socket queues about ten
        notify("STATUS=running")
    assert time.monotonic() - started < 10


def test_a_manager_that_went_away_is_no_error(manager: socket.socket) -> None:
    manager.close()
    notify("STATUS=running")
