"""What one stream has in the spool: which files, how far each is read, and when it may go. No I/O.

A file (segment) is written from its start to its end, read likewise, and deleted when every message that was read from
it is acknowledged. Files of an earlier run are read and never written.
"""

from dataclasses import dataclass
from pathlib import Path

SUFFIX = ".v1.spool"
"""Names the format; a file of another one is never touched."""


@dataclass(slots=True, eq=False)
class Segment:
    """One file.

    Attributes:
        inherited: An earlier run wrote it.
        size: Bytes that hold records.
        offset: Up to where it has been read.
        events: Events of this run that are in the unread part.
        pending: Messages of the part that was read that are not acknowledged.
        failures: Errors in a row when it was read.
        is_kept: It is not deleted in the end, but kept under another name.
        is_aside: It could not be read. The next run tries again; until then it is neither written nor deleted.
    """

    path: Path
    inherited: bool = False
    size: int = 0
    offset: int = 0
    events: int = 0
    pending: int = 0
    failures: int = 0
    is_kept: bool = False
    is_aside: bool = False


class SpoolQueue:
    """The segments of one stream, oldest first.

    Args:
        directory: Where they are.
        stream: Name of the stream, the first part of the files' names.
        segment_bytes: Size from which on a new segment is begun.
    """

    def __init__(self, directory: Path, stream: str, segment_bytes: int) -> None:
        self.stream = stream
        self.events = 0
        """Events of this run that are on disk alone."""
        self.bytes = 0
        self._directory = directory
        self._segment_bytes = segment_bytes
        self._segments: list[Segment] = []
        self._tail: Segment | None = None
        self._unread = 0
        self._last_number = 0

    @property
    def has_unread(self) -> bool:
        """Whether there is something to read."""
        return self._unread > 0

    def adopt(self, number: int, size: int) -> None:
        """Take over a segment of an earlier run; older ones come first."""
        self._segments.append(Segment(self._path(number), inherited=True, size=size))
        self._last_number = number
        self._grow(size)

    def target(self) -> Segment:
        """Return the segment that the next records belong into, at its `size`."""
        if self._tail is None or self._tail.size >= self._segment_bytes:
            self._last_number += 1
            self._tail = Segment(self._path(self._last_number))
            self._segments.append(self._tail)
        return self._tail

    def written(self, segment: Segment, size: int, events: int) -> None:
        """Note records that were written, to be read later."""
        segment.size += size
        segment.events += events
        self.events += events
        self._grow(size)

    def copied(self, segment: Segment, size: int, pending: int) -> None:
        """Note records that were written and need not be read, because the window holds them; there is nothing unread.

        Args:
            segment: Where they are.
            size: Their bytes.
            pending: How many of them are not acknowledged yet.
        """
        segment.size += size
        segment.offset = segment.size
        segment.pending += pending
        self.bytes += size

    def reading(self) -> Segment:
        """Return the segment to read from next; there has to be something unread."""
        return next(each for each in self._segments if each.offset < each.size and not each.is_aside)

    def took(self, segment: Segment, offset: int, records: int, events: int) -> int:
        """Note that a segment was read up to an offset; return how many events of this run turned out to be lost."""
        self._unread -= offset - segment.offset
        segment.offset = offset
        segment.pending += records
        if not segment.inherited:
            segment.events -= events
            self.events -= events
        return self._lost(segment) if segment.offset == segment.size else 0

    def cut(self, segment: Segment) -> tuple[int, int]:
        """Give up what is unread in a segment; return its bytes and its events of this run."""
        size = segment.size - segment.offset
        segment.size = segment.offset
        self._grow(-size)
        if segment is self._tail:
            self._tail = None
        return size, self._lost(segment)

    def leave_aside(self, segment: Segment) -> None:
        """Let what comes after a segment go before what is unread in it, which stays on disk and in the account."""
        segment.is_aside = True
        self._unread -= segment.size - segment.offset
        if segment is self._tail:
            self._tail = None

    def acknowledged(self, segment: Segment) -> bool:
        """Note that one message was acknowledged; true when its segment may be deleted now."""
        segment.pending -= 1
        return _is_done(segment)

    def done(self) -> list[Segment]:
        """Return the segments that may be deleted."""
        return [segment for segment in self._segments if _is_done(segment)]

    def removed(self, segment: Segment) -> None:
        """Note that a segment was deleted."""
        self._segments.remove(segment)
        self.bytes -= segment.size
        if segment is self._tail:
            self._tail = None

    def _lost(self, segment: Segment) -> int:
        """Take the events out of the account that no record held."""
        events, segment.events = segment.events, 0
        self.events -= events
        return events

    def _grow(self, size: int) -> None:
        self.bytes += size
        self._unread += size

    def _path(self, number: int) -> Path:
        return self._directory / f"{self.stream}-{number:010d}{SUFFIX}"


def _is_done(segment: Segment) -> bool:
    return segment.pending == 0 and segment.offset == segment.size
