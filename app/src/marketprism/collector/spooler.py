"""Does the file work of one lane, one thing at a time, in a thread: write, read, delete, as `Overflow` decides."""

import asyncio
import contextlib

from marketprism.collector import spool_files
from marketprism.collector.overflow import WRITE_SECONDS, Batch, Overflow
from marketprism.collector.spool import Spool
from marketprism.collector.spool_queue import Segment, SpoolQueue
from marketprism.collector.spool_records import Record, size
from marketprism.telemetry import logs

READ_BYTES = 1024 * 1024
RETRY_SECONDS = 1.0
"""Wait after an error of the disk."""

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
        self._write_again_at = 0.0

    @property
    def cause(self) -> str | None:
        """Why nothing can be written or read; None when all is well."""
        return next(iter(self._causes.values()), None)

    async def run(self) -> None:
        """Work for ever."""
        while True:
            self._overflow.turn.clear()
            try:
                async with self._files:
                    busy = await self._turn()
            except OSError as error:
                self._note("read", self._explain(error))
                await asyncio.sleep(RETRY_SECONDS)
                continue
            self._note("read", None)
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
        read = await self._read()
        for segment in self._queue.done():
            await asyncio.to_thread(spool_files.remove, segment.path)
            self._queue.removed(segment)
        return await self._write_what_is_due() or read

    async def _write_what_is_due(self) -> bool:
        now = asyncio.get_running_loop().time()
        if now < self._write_again_at:
            return False
        batch = self._overflow.to_write()
        if batch is None:
            self._note("write", None)
            return False
        try:
            if self._spool.has_room(sum(size(record) for record in _records(batch))):
                await self._write(batch)
                self._note("write", None)
                return True
            self._overflow.not_written()
            cause = f"spool full: {self._spool.bytes} of {self._spool.limit} bytes in {self._spool.directory}"
        except OSError as error:
            self._write_again_at = now + RETRY_SECONDS
            cause = self._explain(error)
        self._note("write", cause)
        return False

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
        chunk = await asyncio.to_thread(
            spool_files.read, segment.path, segment.offset, segment.size, most_bytes=READ_BYTES, most_records=most
        )
        self._overflow.took(segment, chunk)
        if chunk.damaged:
            await self._cut(segment)
        return True

    async def _cut(self, segment: Segment) -> None:
        lost = self._overflow.gave_up(segment)
        self._spool.cut_bytes += lost
        _log.error("spool damaged; cut off after the last sound record", path=str(segment.path), bytes=lost)
        await asyncio.to_thread(spool_files.cut, segment.path, segment.offset)

    def _explain(self, error: OSError) -> str:
        return f"spool {self._spool.directory}: {error.strerror or error}"

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
