import errno
import os
from pathlib import Path

import pytest

from marketprism.collector import spool_files
from marketprism.collector.spool_files import Chunk
from marketprism.collector.spool_records import Record, encode, size

RECORDS = [Record(f"b0:{number}", "trade.x", b"x" * 50, 1) for number in range(1, 6)]
ONE = size(RECORDS[0])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "MARKET_DATA-0000000001.v1.spool"
    assert spool_files.write(file, 0, RECORDS[:3]) == 3 * ONE
    assert spool_files.write(file, 3 * ONE, RECORDS[3:]) == 2 * ONE
    return file


def read(
    path: Path, offset: int = 0, end: int = 5 * ONE, *, most_bytes: int = 10_000, most_records: int = 100
) -> Chunk:
    return spool_files.read(path, offset, end, most_bytes=most_bytes, most_records=most_records)


def test_what_was_written_is_read_in_order(path: Path) -> None:
    assert read(path) == Chunk(RECORDS, 5 * ONE, damaged=False)


@pytest.mark.parametrize("most", [8, ONE - 1, ONE, 2 * ONE + 3])
def test_small_reads_find_every_record_and_at_least_one_each(path: Path, most: int) -> None:
    found, offset = [], 0
    while offset < 5 * ONE:
        chunk = read(path, offset, most_bytes=most)
        assert chunk.records
        assert not chunk.damaged
        found += chunk.records
        offset = chunk.offset
    assert found == RECORDS


def test_no_more_records_are_read_than_there_is_room_for(path: Path) -> None:
    assert read(path, most_records=2) == Chunk(RECORDS[:2], 2 * ONE, damaged=False)


def test_what_was_being_written_is_not_read(path: Path) -> None:
    assert read(path, end=3 * ONE) == Chunk(RECORDS[:3], 3 * ONE, damaged=False)


@pytest.mark.parametrize("lost", [1, ONE - 1, ONE, 2 * ONE])
@pytest.mark.parametrize("most", [ONE, 10_000])
def test_a_file_that_became_shorter_is_damaged_after_its_last_whole_record(path: Path, lost: int, most: int) -> None:
    os.truncate(path, 5 * ONE - lost)
    found, offset, damaged = [], 0, False
    while not damaged:
        chunk = read(path, offset, most_bytes=most)
        found, offset, damaged = found + chunk.records, chunk.offset, chunk.damaged
    whole = (5 * ONE - lost) // ONE
    assert (found, offset) == (RECORDS[:whole], whole * ONE)


def test_a_torn_end_of_an_earlier_run_is_damaged(path: Path) -> None:
    with path.open("ab") as file:
        file.write(encode(RECORDS[0])[:20])
    assert read(path, end=5 * ONE + 20) == Chunk(RECORDS, 5 * ONE, damaged=True)


def change(path: Path, *places: int) -> None:
    data = bytearray(path.read_bytes())
    for at in places:
        data[at] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("most", [8, ONE + 8, 10_000])
def test_a_changed_byte_costs_one_record(path: Path, most: int) -> None:
    change(path, 2 * ONE + 20)
    found, offset, skipped = [], 0, 0
    while offset < 5 * ONE:
        chunk = read(path, offset, most_bytes=most)
        assert chunk.records
        assert not chunk.damaged
        found, offset, skipped = found + chunk.records, chunk.offset, skipped + chunk.skipped
    assert (found, skipped) == (RECORDS[:2] + RECORDS[3:], ONE)


@pytest.mark.parametrize(
    ("places", "hides"), [([4 * ONE + 20], False), ([3 * ONE + 20, 4 * ONE + 20], True), ([3 * ONE], True)]
)
@pytest.mark.parametrize("most", [8, 10_000])
def test_what_no_sound_record_follows_is_damaged_up_to_the_end(
    path: Path, places: list[int], most: int, *, hides: bool
) -> None:
    change(path, *places)
    sound = places[0] // ONE
    assert read(path, (sound - 1) * ONE, most_bytes=most).records == RECORDS[sound - 1 : sound]
    assert read(path, sound * ONE, most_bytes=most) == Chunk([], sound * ONE, damaged=True, hides=hides)


def test_a_kept_file_has_another_name(path: Path) -> None:
    data = path.read_bytes()
    spool_files.keep(path)
    (kept,) = path.parent.iterdir()
    assert (kept.name, kept.read_bytes()) == ("MARKET_DATA-0000000001.v1.spool.damaged", data)
    spool_files.keep(path)
    assert list(path.parent.iterdir()) == [kept]


def test_a_deleted_file_is_damaged_as_a_whole(path: Path) -> None:
    spool_files.remove(path)
    assert read(path) == Chunk([], 0, damaged=True)
    spool_files.remove(path)
    spool_files.cut(path, 0)
    assert not path.exists()


def test_writing_again_after_an_error_leaves_each_record_once(path: Path) -> None:
    with path.open("r+b") as file:  # half of a batch got to the disk before it was full
        file.seek(5 * ONE)
        file.write(encode(RECORDS[1])[:30])
    spool_files.write(path, 5 * ONE, RECORDS[:1])
    assert read(path, end=6 * ONE).records == [*RECORDS, RECORDS[0]]


def test_a_cut_file_ends_there(path: Path) -> None:
    spool_files.cut(path, 2 * ONE)
    assert path.stat().st_size == 2 * ONE


def test_a_disk_that_takes_nothing_is_an_error() -> None:
    with pytest.raises(OSError, match="No space left") as raised:
        spool_files.write(Path("/dev/full"), 1, RECORDS)
    assert raised.value.errno == errno.ENOSPC
