"""The files of the spool: everything here blocks and belongs into a thread.

Every write is synced before it returns (``fdatasync``, and the directory when the file is new), so "spooled" means on
disk: it survives a kill of the process and a power cut. Batches make that cheap: one is written when its oldest message
has waited for 50 ms or when there are 256 KiB, so a quiet outage costs 20 syncs a second and stream.

Measured on 2 cores and ext4, with trades of 20 subjects: at 20,000 events/s a write takes 1.0 ms (p99 3.7), and the
event loop is late by 0.2 ms (p99 1 to 3), as without a spool; once, when the first thread starts, by 35 ms. Flat out
320,000 events/s or 68 MB/s go to disk, at 1.7 ms (p99 8).
"""

import contextlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from marketprism.collector.spool_records import Record, decode, encode, hides_records

KEPT = ".damaged"
"""Ends the names of files that are kept for somebody who can read more in them than we do."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """What was read.

    Attributes:
        records: In the order in which they were written.
        offset: Where the last of them ends in the file.
        damaged: What follows there up to the end of the file is no record.
        skipped: Bytes before it that are a record no more.
        hides: Whether there may be sound records behind the damage all the same.
    """

    records: list[Record]
    offset: int
    damaged: bool
    skipped: int = 0
    hides: bool = False


def write(path: Path, offset: int, records: Iterable[Record]) -> int:
    """Write records at an offset and sync them; after an error the same call may be made again.

    Returns:
        Bytes written.

    Raises:
        OSError: The disk is full or broken.
    """
    data = b"".join(map(encode, records))
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        done = 0
        while done < len(data):
            done += os.pwrite(descriptor, data[done:], offset + done)
        os.fdatasync(descriptor)
    finally:
        os.close(descriptor)
    if offset == 0:
        sync_directory(path.parent)
    return len(data)


def read(path: Path, offset: int, end: int, *, most_bytes: int, most_records: int) -> Chunk:
    """Read records between two offsets, one at least where there is a sound one.

    Args:
        path: The file.
        offset: Where to begin.
        end: Where the file's records are known to end; what is shorter is damaged.
        most_bytes: Bytes to read, unless one record takes more.
        most_records: Records to return.

    Raises:
        OSError: The disk is broken.
    """
    expected = end
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:  # somebody deleted it
        return Chunk([], offset, damaged=True)
    try:
        data, end = _pread(descriptor, offset, end, most_bytes)
        found = decode(data, most_records)
        while not found.records and len(data) < found.needed <= end - offset:
            data, end = _pread(descriptor, offset, end, found.needed)
            found = decode(data, most_records)
    finally:
        os.close(descriptor)
    at = offset + found.end
    lost = at == end < expected  # the file is shorter than it was
    damaged = lost or at + found.needed > end or not found.sound
    hides = damaged and hides_records(data[found.end :])
    return Chunk(found.records, at, damaged=damaged, skipped=found.skipped, hides=hides)


def _pread(descriptor: int, offset: int, end: int, most: int) -> tuple[bytes, int]:
    """Read bytes, and say where the records end in truth."""
    wanted = min(most, end - offset)
    data = os.pread(descriptor, wanted, offset)
    return data, end if len(data) == wanted else offset + len(data)


def cut(path: Path, offset: int) -> None:
    """Cut a file off."""
    with contextlib.suppress(FileNotFoundError):
        os.truncate(path, offset)


def remove(path: Path) -> None:
    """Delete a file that may be gone already."""
    path.unlink(missing_ok=True)


def keep(path: Path) -> None:
    """Give a file a name under which nobody reads or deletes it."""
    with contextlib.suppress(FileNotFoundError):
        path.rename(path.with_name(path.name + KEPT))


def sync_directory(directory: Path) -> None:
    """Make the names of new files survive a power cut."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
