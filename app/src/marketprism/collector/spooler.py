"""Does the file work of one lane, one thing at a time, in a thread: write, read, delete, as `Overflow` decides."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from marketprism.collector import spool_files
from marketprism.collector.overflow import WRITE_SECONDS, Batch, Overflow
from marketprism.collector.spool import Spool
from marketprism.collector.spool_queue import Segment, SpoolQueue
from marketprism.collector.spool_records import Record, size
from marketprism.telemetry import logs

READ_BYTES = 1024 * 1024
RETRY_SECONDS = 1.0
"""Wait after an error of the disk."""
READ_TRIES = 5
"""After so many errors in a row a segment is left aside: what comes after it must not wait for one bad file."""

_log = logs.get("spool")


class Spooler:
    """Moves the messages of one lane to disk and back.

    Args:
        spool: The directory, for its bound.
        queue: The lane's part of it.
        overflow: Says what is to be done.
    """

    def __init__(self, spool: Spool, queue: SpoolQueue, overflow: Overflow) -> None:
        self._spool, self._queue, self._overflow = spool, queue, overflow
        self._files = asyncio.Lock()
        self._causes: dict[str, str] = {}
        self._not_before: dict[str, float] = {}

    @property
    def cause(self) -> str | None:
        """Why nothing can be written or read; None when all is well."""
        return next(iter(self._causes.values()), None)

    async def run(self) -> None:
        """Work for ever."""
        while True:
            self._overflow.turn.clear()
            async with self._files:
                busy = await self._turn()
            if not busy:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(WRITE_SECONDS):
                        await self._overflow.turn.wait()

    async def keep(self) -> None:
        """Write everything that is in memory alone, whatever the bound: it is little, and the process ends.

        Raises:
            OSError: The disk is full or broken.
        """
        async with self._files:
            while (batch := self._overflow.to_write(everything=True)) is not None:
                await self._write(batch)

    async def _turn(self) -> bool:
        """Read and delete first: a full disk must not keep what is on it from leaving."""
        read = await self._try("read", self._read)
        await self._try("delete", self._delete)
        return await self._try("write", self._write_what_is_due) or read

    async def _try(self, work: str, do: Callable[[], Awaitable[bool]]) -> bool:
        """Do one kind of work; an error of the disk puts that off, and no other."""
        now = asyncio.get_running_loop().time()
        if now < self._not_before.get(work, 0.0):
            return False
        try:
            busy = await do()
        except OSError as error:
            self._not_before[work] = now + RETRY_SECONDS
            self._note(work, f"spool {self._spool.directory}: {error.strerror or error}")
            return False
        self._note(work, None)
        return busy

    async def _delete(self) -> bool:
        for segment in self._queue.done():
            await asyncio.to_thread(spool_files.keep if segment.is_kept else spool_files.remove, segment.path)
            self._queue.removed(segment)
        return False

    async def _write_what_is_due(self) -> bool:
        full = None
        batch = self._overflow.to_write()
        if batch is not None:
            if self._spool.has_room(sum(size(record) for record in _records(batch))):
                await self._write(batch)
            else:
                self._overflow.not_written()
                full = f"spool full: {self._spool.bytes} of {self._spool.limit} bytes in {self._spool.directory}"
        self._note("room", full)
        return batch is not None and full is None

    async def _write(self, batch: Batch) -> None:
        segment = self._queue.target()
        try:
            written = await asyncio.to_thread(spool_files.write, segment.path, segment.size, _records(batch))
        except OSError:
            self._overflow.not_written()
            raise
        self._overflow.written(batch, segment, written)

    async def _read(self) -> bool:
        most = self._overflow.room_to_read
        if not most:
            return False
        segment = self._queue.reading()
        try:
            chunk = await asyncio.to_thread(
                spool_files.read, segment.path, segment.offset, segment.size, most_bytes=READ_BYTES, most_records=most
            )
        except OSError as error:
            segment.failures += 1
            if segment.failures == READ_TRIES:
                self._leave_aside(segment, error)
            raise
        segment.failures = 0
        self._overflow.took(segment, chunk)
        if chunk.skipped:
            self._spool.cut_bytes += chunk.skipped
            _log.error("spool damaged; skipped what is no sound record", path=str(segment.path), bytes=chunk.skipped)
        if chunk.damaged:
            await self._give_up(segment, keep=chunk.hides)
        return True

    async def _give_up(self, segment: Segment, *, keep: bool) -> None:
        lost = self._overflow.gave_up(segment)
        self._spool.cut_bytes += lost
        segment.is_kept = keep
        if keep:
            kept = segment.path.name + spool_files.KEPT
            _log.error(f"spool damaged; the rest is not sent, and kept as {kept}", path=str(segment.path), bytes=lost)
        else:
            _log.error("spool damaged; cut off after the last sound record", path=str(segment.path), bytes=lost)
            await asyncio.to_thread(spool_files.cut, segment.path, segment.offset)

    def _leave_aside(self, segment: Segment, error: OSError) -> None:
        self._overflow.leave_aside(segment)
        text = (
            f"{segment.path} cannot be read ({error.strerror or error}) and was left aside; let the collector read it, "
            "or move it away, then restart the collector"
        )
        self._spool.unreadable.append(text)
        _log.error(text, bytes=segment.size - segment.offset, events=segment.events)

    def _note(self, work: str, cause: str | None) -> None:
        before = self._causes.get(work)
        if cause is not None:
            self._causes[work] = cause
            if before is None:
                _log.error("spool does not work", work=work, cause=cause, stream=self._queue.stream)
        elif before is not None:
            del self._causes[work]
            _log.info("spool works again", work=work, stream=self._queue.stream)


def _records(batch: Batch) -> list[Record]:
    return [Record(m.id, m.subject, m.payload, m.events) for m in batch.messages]
