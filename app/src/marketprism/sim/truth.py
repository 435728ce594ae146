"""Ground-truth log: what the exchange sent, as JSON lines, for whoever proves that nothing was lost on the way.

Rows are collected in memory and written once a second by a thread. The log is bounded: at `SimSettings.truth_bytes` the
file becomes ``FILE.1``, an older one ``FILE.2``, and the oldest is removed.
"""

import asyncio
from pathlib import Path
from typing import Any

import msgspec

from marketprism.sim.instruments import MarketKind
from marketprism.telemetry import logs

_LOG = logs.get("sim")
_MOST_WAITING = 100_000
FLUSH_SECONDS = 1.0

_encode = msgspec.json.Encoder().encode


class Row(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was sent, or was not.

    Attributes:
        kind: The venue's word for it, such as ``aggTrade``.
        symbol: The venue's own name.
        stream: Where it was sent; empty for REST.
        sent: Whether at least one client was sent it as it is.
        fault: The fault that touched it; where `sent` is false, the one that swallowed it.
    """

    kind: str
    venue: MarketKind
    symbol: str
    stream: str
    at_ms: int
    sent: bool
    event: dict[str, Any]
    fault: str = ""


class TruthLog:
    """Appends rows to a file that never outgrows its share of the disk.

    Attributes:
        lost: Rows that could not be written (disk full, or faster than the disk); the log is no proof once it is not 0.
    """

    def __init__(self, path: Path, *, most_bytes: int, kept_files: int, unsent_too: bool) -> None:
        self.lost = 0
        self.unsent_too = unsent_too
        self._path, self._most_bytes, self._kept = path, most_bytes, kept_files
        self._waiting: list[bytes] = []

    def note(self, row: Row) -> None:
        """Note an event.

        One that nobody was subscribed to is left out unless `unsent_too`; one that a fault touched never is.
        """
        if not (row.sent or row.fault or self.unsent_too):
            return
        if len(self._waiting) >= _MOST_WAITING:
            self.lost += 1
        else:
            self._waiting.append(_encode(row))

    async def run(self) -> None:
        """Write every second until cancelled; call `flush` afterwards for the rest."""
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            await self.flush()

    async def flush(self) -> None:
        """Write what is waiting. A disk that refuses loses the rows and counts them; the exchange goes on."""
        rows, self._waiting = self._waiting, []
        if not rows:
            return
        try:
            # What was taken has to be written, even if whoever waits for it is cancelled.
            await asyncio.shield(asyncio.to_thread(self._append, rows))
        except OSError as error:
            self.lost += len(rows)
            _LOG.exception("sim.truth_not_written", path=str(self._path), lost_rows=self.lost, reason=str(error))

    def _append(self, rows: list[bytes]) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("ab") as file:
            file.write(b"\n".join(rows) + b"\n")
            size = file.tell()
        if size >= self._most_bytes:
            self._rotate()

    def _rotate(self) -> None:
        for number in range(self._kept, 0, -1):
            newer = self._rotated(number - 1)
            if newer.exists():
                newer.replace(self._rotated(number))
        self._path.unlink(missing_ok=True)  # where none is kept

    def _rotated(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}") if number else self._path
