"""What a mark stands for: one run of ClickHouse, in one boot of this machine, for one stream."""

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from marketprism.storage.server_mark import ServerMark, boot_id

NOON = 1_763_985_600
STREAM = "MARKET_DATA"


def mark(directory: Path, boot: str = "a", stream: str = STREAM) -> ServerMark:
    return ServerMark(directory, boot, stream)


def test_the_mark_of_an_earlier_run_counts_again_and_again(tmp_path: Path):
    assert not mark(tmp_path).is_for(NOON), "the first start ever"
    mark(tmp_path).set(NOON)
    assert mark(tmp_path).is_for(NOON)
    assert mark(tmp_path).is_for(NOON)


@pytest.mark.parametrize(("seconds", "same"), [(-4, False), (-3, True), (1, True), (3, True), (4, False)])
def test_a_server_that_was_started_at_another_time_is_another(seconds: int, same: bool, tmp_path: Path):
    mark(tmp_path).set(NOON)
    assert mark(tmp_path).is_for(NOON + seconds) is same


def test_a_mark_follows_the_drift_of_the_clocks(tmp_path: Path):
    here = mark(tmp_path)
    for drift in range(10):
        assert here.is_for(NOON + drift) or drift == 0
        here.set(NOON + drift)
    assert mark(tmp_path).is_for(NOON + 9)
    assert not mark(tmp_path).is_for(NOON)


def test_a_mark_tells_since_when_and_until_when_its_server_ran_unbroken(tmp_path: Path):
    times = iter((10.0, 15.0, 90.0, 95.0))
    here = ServerMark(tmp_path, "a", STREAM, clock=lambda: next(times))
    spans = []
    for started in (NOON, NOON + 1, NOON + 60, NOON + 60):
        here.set(started)
        spans.append((here.since, here.until))
    assert spans == [(10.0, 10.0), (10.0, 15.0), (90.0, 90.0), (90.0, 95.0)]


def test_a_server_that_an_earlier_run_marked_ran_before_this_one(tmp_path: Path):
    mark(tmp_path).set(NOON)
    here = ServerMark(tmp_path, "a", STREAM, clock=lambda: 10.0)
    assert (here.since, here.until) == (0.0, 0.0), "it was not seen yet"
    here.set(NOON)
    assert (here.since, here.until) == (0.0, 10.0)


def test_the_mark_of_another_boot_or_stream_does_not_count(tmp_path: Path):
    mark(tmp_path).set(NOON)
    assert not mark(tmp_path, boot="b").is_for(NOON)
    assert not mark(tmp_path, stream="ORDERBOOK_SNAP").is_for(NOON)


@pytest.mark.parametrize("content", [b"", b"a", b"a ", b"a 17639", b"\0\0\0\0", b"\xff\xff"])
def test_a_torn_mark_does_not_count(content: bytes, tmp_path: Path):
    mark(tmp_path).set(NOON)
    next(tmp_path.iterdir()).write_bytes(content)
    assert not mark(tmp_path).is_for(NOON)


def test_a_disk_that_takes_no_mark_does_not_stop_the_service(tmp_path: Path):
    """A full one, or a directory that is gone; only the next run does not know."""
    here = mark(tmp_path / "absent")
    with capture_logs() as said:
        here.set(NOON)
    assert here.is_for(NOON)
    assert not mark(tmp_path / "absent").is_for(NOON)
    assert [(each["event"], each["reason"]) for each in said] == [("mark not kept", "No such file or directory")]


def test_the_boot_is_named_by_the_unit_else_by_the_kernel():
    kernel = boot_id({})
    assert len(kernel) == 32
    assert boot_id({"BOOT_ID": kernel}) == kernel


@pytest.mark.parametrize("name", ["0f8f1b1e-3b2a-4b3c-9c7e-1a2b3c4d5e6f", "0f8f1b1e3b2a4b3c9c7e1a2b3c4d5e6f"])
def test_both_spellings_are_one_boot(name: str):
    assert boot_id({"BOOT_ID": name}) == "0f8f1b1e3b2a4b3c9c7e1a2b3c4d5e6f"
