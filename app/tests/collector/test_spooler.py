"""The file work on a real disk; which work there is, is in test_overflow.py."""

import asyncio
import contextlib
import errno
import itertools
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from marketprism.collector import spool_files, spooler
from marketprism.collector.lane import Lane, Limits
from marketprism.collector.spool import Spool
from marketprism.collector.spooler import Spooler
from marketprism.contract import wire
from marketprism.contract.instruments import Source
from tests.collector.driven import STORED, names
from tests.collector.events import instrument, trade
from tests.collector.waiting import until


class Run:
    """One lane with its spool and its spooler, as one run of the collector has them."""

    def __init__(self, directory: Path, boot_id: str, limit: int) -> None:
        self.spool = Spool(directory, limit)
        queue = self.spool.queue("MARKET_DATA")
        self.lane = Lane(
            queue,
            Limits(messages=4, patience_seconds=0.0),
            boot_id=boot_id,
            numbers=itertools.count(1),
            clock=time.monotonic,
            spools=True,
        )
        self.spooler = Spooler(self.spool, queue, self.lane.overflow)
        self.events = itertools.count()
        self.stored: list[tuple[str, list[int]]] = []

    def trades(self, messages: int) -> None:
        for _ in range(messages):
            self.lane.batch("trade", Source.LIVE, instrument(), trade(next(self.events)))
            self.lane.flush()

    async def store_everything(self) -> None:
        async with asyncio.timeout(10):
            while not self.lane.is_idle:
                while (message := self.lane.next_message()) is not None:
                    self.lane.sent(message)
                    numbers = [event.trade_id for event in wire.decode(message.subject, message.payload).events]
                    self.stored.append((message.id, numbers))
                    self.lane.answered(message.number, STORED)
                await asyncio.sleep(0.001)


@contextlib.asynccontextmanager
async def run(directory: Path, boot_id: str = "b0", limit: int = 100_000) -> AsyncIterator[Run]:
    made = Run(directory, boot_id, limit)
    made.spool.open()
    task = asyncio.create_task(made.spooler.run())
    try:
        yield made
    finally:
        task.cancel()
        await asyncio.wait([task])
        made.spool.close()


async def test_the_next_run_sends_everything_in_order_and_leaves_an_empty_directory(tmp_path: Path) -> None:
    async with run(tmp_path) as first:
        first.trades(20)
        await until(lambda: first.lane.spooled == 16)
    async with run(tmp_path, "b1") as second:
        second.trades(1)
        await second.store_everything()
        await until(lambda: second.spool.bytes == 0)
        assert names(tmp_path) == []
        assert second.stored == [*((f"b0:{n + 1}", [n]) for n in range(20)), ("b1:1", [0])]
        assert (second.lane.counters.recovered, second.lane.counters.published, second.spool.bytes) == (20, 1, 0)


@pytest.mark.parametrize("damage", ["torn", "zeros", "changed"])
async def test_a_damaged_end_is_cut_off_counted_and_logged_with_its_bytes(
    tmp_path: Path, damage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async with run(tmp_path) as first:
        first.trades(10)
        await until(lambda: first.lane.spooled == 6)
    path = tmp_path / "MARKET_DATA-0000000001.v1.spool"
    data = bytearray(path.read_bytes())
    one = len(data) // 10
    assert len(data) == 10 * one + 1, "the tenth id is longer"
    if damage == "torn":
        data, lost, sound = data[: 9 * one + 50], 50, 9
    elif damage == "zeros":
        data, lost, sound = data + bytes(300), 300, 10
    else:
        data[9 * one + 40] ^= 0x10
        lost, sound = one + 1, 9
    path.write_bytes(data)
    async with run(tmp_path, "b1") as second:
        await second.store_everything()
        await until(lambda: second.spool.bytes == 0)
        assert names(tmp_path) == []
        assert second.stored == [(f"b0:{n + 1}", [n]) for n in range(sound)]
        assert second.spool.cut_bytes == lost
    said = capsys.readouterr()
    assert "spool damaged" in said.out
    assert str(lost) in said.out


async def test_a_segment_whose_damage_hides_sound_records_is_kept_under_another_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with run(tmp_path) as first:
        first.trades(10)
        await until(lambda: first.lane.spooled == 6)
    path = tmp_path / "MARKET_DATA-0000000001.v1.spool"
    data = bytearray(path.read_bytes())
    one = len(data) // 10
    data[7 * one] ^= 0x10
    path.write_bytes(data)
    async with run(tmp_path, "b1") as second:
        await second.store_everything()
        await until(lambda: second.spool.bytes == 0)
        assert [numbers for _, numbers in second.stored] == [[n] for n in range(7)]
        assert second.spool.cut_bytes == 3 * one + 1
    assert names(tmp_path) == [path.name + ".damaged"]
    assert (tmp_path / names(tmp_path)[0]).read_bytes() == data
    assert "kept as MARKET_DATA-0000000001.v1.spool.damaged" in capsys.readouterr().out
    async with run(tmp_path, "b2") as third:
        assert third.lane.is_idle


async def test_a_damaged_record_between_sound_ones_is_skipped_counted_and_logged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with run(tmp_path) as made:
        made.trades(10)
        await until(lambda: made.lane.spooled == 6)
        path = tmp_path / "MARKET_DATA-0000000001.v1.spool"
        data = bytearray(path.read_bytes())
        one = len(data) // 10
        data[6 * one + 40] ^= 0x10
        path.write_bytes(data)
        await made.store_everything()
        await until(lambda: made.spool.bytes == 0)
        assert [numbers for _, numbers in made.stored] == [[n] for n in range(10) if n != 6]
        count = made.lane.counters
        assert (count.published, count.refused, made.lane.spooled) == (9, 1, 0)
        assert made.spool.cut_bytes == one
    assert f"bytes={one} " in capsys.readouterr().out


async def test_a_full_spool_is_a_named_cause_that_ends_when_there_is_room(tmp_path: Path) -> None:
    async with run(tmp_path, limit=2000) as made:
        made.trades(4)
        await until(lambda: made.spool.bytes)
        made.trades(20)
        await until(lambda: made.spooler.cause)
        assert made.spooler.cause == f"spool full: {made.spool.bytes} of 2000 bytes in {tmp_path}"
        assert made.spool.bytes <= 2000
        assert made.lane.full
        await made.store_everything()
        await until(lambda: made.spooler.cause is None)
        assert [numbers for _, numbers in made.stored] == [[n] for n in range(24)]


async def test_an_error_of_the_disk_is_a_named_cause_and_nothing_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spooler, "RETRY_SECONDS", 0.01)
    async with run(tmp_path) as made:
        path = tmp_path / "MARKET_DATA-0000000001.v1.spool"
        path.mkdir()
        made.trades(8)
        await until(lambda: made.spooler.cause)
        assert made.spooler.cause == f"spool {tmp_path}: Is a directory"
        assert made.lane.in_flight == 8
        path.rmdir()
        await until(lambda: made.spooler.cause is None and made.lane.spooled == 4)
        await made.store_everything()
        assert [numbers for _, numbers in made.stored] == [[n] for n in range(8)]


async def test_a_disk_that_takes_nothing_gives_back_what_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_space(*_arguments: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    async with run(tmp_path) as made:
        made.trades(20)
        await until(lambda: made.lane.spooled == 16)
        monkeypatch.setattr(spool_files, "write", no_space)
        made.trades(2)
        await until(lambda: made.spooler.cause)
        assert made.spooler.cause == f"spool {tmp_path}: No space left on device"
        await made.store_everything()
        assert [numbers for _, numbers in made.stored] == [[n] for n in range(22)]


class Unreadable:
    """A disk that does not give one file back."""

    def __init__(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._path, self._read = path, spool_files.read
        monkeypatch.setattr(spool_files, "read", self)
        monkeypatch.setattr(spooler, "RETRY_SECONDS", 0.01)

    def __call__(self, path: Path, *args: int, **options: int) -> spool_files.Chunk:
        if path == self._path:
            raise OSError(errno.EIO, "Input/output error")
        return self._read(path, *args, **options)


async def test_what_cannot_be_read_does_not_keep_what_is_new_from_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with run(tmp_path) as first:
        first.trades(10)
        await until(lambda: first.lane.spooled == 6)
    Unreadable(tmp_path / "MARKET_DATA-0000000001.v1.spool", monkeypatch)
    monkeypatch.setattr(spooler, "READ_TRIES", 10**9)
    async with run(tmp_path, "b1") as second:
        second.trades(20)
        await until(lambda: second.lane.spooled == 20)
        assert second.spooler.cause == f"spool {tmp_path}: Input/output error"


async def test_a_segment_that_cannot_be_read_is_left_aside_by_name_and_sent_by_the_next_run_that_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async with run(tmp_path) as first:
        first.trades(10)
        await until(lambda: first.lane.spooled == 6)
    path = tmp_path / "MARKET_DATA-0000000001.v1.spool"
    left = path.read_bytes()
    Unreadable(path, monkeypatch)
    async with run(tmp_path, "b1") as second:
        second.trades(20)
        await second.store_everything()
        assert [numbers for _, numbers in second.stored] == [[n] for n in range(20)]
        await until(lambda: second.spool.bytes == len(left))
        assert names(tmp_path) == [path.name]
        assert path.read_bytes() == left
        assert second.spooler.cause is None
        (said,) = second.spool.unreadable
        assert said == (
            f"{path} cannot be read (Input/output error) and was left aside; let the collector read it, or move it "
            "away, then restart the collector"
        )
    assert capsys.readouterr().out.count("was left aside") == 1
    monkeypatch.undo()
    async with run(tmp_path, "b2") as third:
        await third.store_everything()
        assert [numbers for _, numbers in third.stored] == [[n] for n in range(10)]
        assert third.lane.counters.recovered == 10


async def test_what_this_run_wrote_and_cannot_read_again_stays_in_the_account_as_spooled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Unreadable(tmp_path / "MARKET_DATA-0000000001.v1.spool", monkeypatch)
    async with run(tmp_path) as made:
        made.trades(10)
        await until(lambda: made.lane.spooled == 6)
        await made.store_everything()
        made.trades(10)
        await made.store_everything()
        count = made.lane.counters
        assert (count.received, count.published, made.lane.spooled, made.lane.in_flight) == (20, 14, 6, 0)
        assert [numbers for _, numbers in made.stored] == [[n] for n in (*range(4), *range(10, 20))]


async def test_at_the_end_everything_is_kept_whatever_the_bound(tmp_path: Path) -> None:
    async with run(tmp_path, limit=10) as made:
        made.trades(6)
        await made.spooler.keep()
        assert made.lane.spooled == 2
    async with run(tmp_path, "b1") as second:
        await second.store_everything()
        assert [numbers for _, numbers in second.stored] == [[n] for n in range(6)]


async def test_files_are_never_touched_by_the_thread_of_the_event_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: set[str] = set()
    for name in ("write", "read", "remove"):
        original = getattr(spool_files, name)

        def noted(*args: object, original: object = original, name: str = name, **options: object) -> object:
            assert threading.current_thread() is not threading.main_thread()
            threads.add(name)
            return original(*args, **options)

        monkeypatch.setattr(spool_files, name, noted)
    async with run(tmp_path) as made:
        made.trades(10)
        await until(lambda: made.lane.spooled == 6)
        await made.store_everything()
        await until(lambda: made.spool.bytes == 0)
        assert names(tmp_path) == []
    assert threads == {"write", "read", "remove"}
