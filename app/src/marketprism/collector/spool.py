"""The disk spool: where messages wait that NATS does not take in time. One directory, one owner, one bound for all.

Files are per stream, so that a full stream does not hold the others up; `spool_queue` knows which, `spool_files` reads
and writes them, `overflow` decides what goes there. What an earlier run left is found here and sent first.
"""

import fcntl
import os
from pathlib import Path

from marketprism.collector.spool_queue import SUFFIX, SpoolQueue
from marketprism.errors import ConfigurationError, UnavailableError
from marketprism.telemetry import logs

SEGMENT_BYTES = 8 * 1024 * 1024
"""Space comes back segment by segment, and a crash makes this much be sent twice at most; the stream drops it by id."""
SEGMENTS = 16
"""A small bound is divided into this many at least."""

_log = logs.get("spool")


class Spool:
    """A bounded directory of segments.

    Args:
        directory: Made where it is missing.
        limit: Bytes that all segments together may take.
    """

    def __init__(self, directory: Path, limit: int) -> None:
        self.directory = directory
        self.limit = limit
        self.cut_bytes = 0
        """Bytes that were no sound records any more."""
        self.unreadable: list[str] = []
        """Files that could not be read and wait for the next run, each with its remedy."""
        self._queues: dict[str, SpoolQueue] = {}
        self._descriptor: int | None = None

    @property
    def bytes(self) -> int:
        """Bytes in use."""
        return sum(queue.bytes for queue in self._queues.values())

    def has_room(self, size: int) -> bool:
        """Say whether so many bytes more keep the bound."""
        return self.bytes + size <= self.limit

    def queue(self, stream: str) -> SpoolQueue:
        """Return a stream's part; made at the first call, which has to come before `open`."""
        if stream not in self._queues:
            size = min(SEGMENT_BYTES, self.limit // SEGMENTS)
            self._queues[stream] = SpoolQueue(self.directory, stream, size)
        return self._queues[stream]

    def open(self) -> None:
        """Lock the directory and find what an earlier run left.

        Raises:
            ConfigurationError: The directory cannot be made or used.
            UnavailableError: Another process uses it.
        """
        try:
            self.directory.mkdir(mode=0o750, parents=True, exist_ok=True)
            self._descriptor = os.open(self.directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not os.access(self.directory, os.W_OK | os.X_OK):
                raise PermissionError(None, "not writable")
            self._adopt()
        except BlockingIOError as error:
            self.close()
            raise UnavailableError(
                f"another collector uses the spool {self.directory}", remedy="stop it first: they would mix their files"
            ) from error
        except OSError as error:
            self.close()
            raise ConfigurationError(
                f"collector.spool_directory {self.directory} cannot be used: {error.strerror}",
                remedy="name a folder that the collector may write to, such as its unit's StateDirectory",
            ) from error

    def close(self) -> None:
        """Let another process have the directory."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _adopt(self) -> None:
        for path in sorted(self.directory.iterdir()):
            stream, _, number = path.name.removesuffix(SUFFIX).rpartition("-")
            if stream in self._queues and path.name.endswith(SUFFIX) and number.isdigit():
                self._queues[stream].adopt(int(number), path.stat().st_size)
            else:
                _log.warning("unknown file in the spool; left alone", path=str(path))
        if self.bytes:
            _log.info("found what an earlier run left", bytes=self.bytes, directory=str(self.directory))
