"""Ground-truth log: what the exchange sent, as JSON lines, for whoever proves that nothing was lost on the way.

Rows are collected in memory and written once a second by a thread. The log is bounded: at `SimSettings.truth_bytes` the
file becomes ``FILE.1``, an older one ``FILE.2``, and the oldest is removed.
"""

import asyncio
from pathlib import Path

from marketprism.sim import frames
from marketprism.sim.instruments import Listing
from marketprism.sim.market import Aggregate, DepthUpdate, Fact, Fill, Top
from marketprism.telemetry import logs

_LOG = logs.get("sim")
_MOST_WAITING = 100_000
FLUSH_SECONDS = 1.0

_KINDS: dict[type[Fact], str] = {Fill: "trade", Aggregate: "aggTrade", Top: "bookTicker", DepthUpdate: "depthUpdate"}


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

    def event(self, listing: Listing, stream: str, fact: Fact, frame: frames.Frame, now_ms: int, *, sent: bool) -> None:
        """Note an event; of a depth update the ids, the count of levels and the top of the book after it."""
        if not (sent or self.unsent_too):
            return
        if isinstance(fact, DepthUpdate):
            top = frames.event(listing, fact.top, now_ms)
            frame = {key: value for key, value in frame.items() if key not in "ab"}
            frame["levels"] = [len(fact.bids), len(fact.asks)]
            frame["top"] = {key: top[key] for key in "bBaA"}
        self._note(_KINDS[type(fact)], listing, stream, now_ms, frame, sent=sent)

    def snapshot(self, listing: Listing, frame: frames.Frame, now_ms: int) -> None:
        """Note a REST snapshot that was served."""
        best = {"b": frame["bids"][0][0], "B": frame["bids"][0][1], "a": frame["asks"][0][0], "A": frame["asks"][0][1]}
        fields = {"u": frame["lastUpdateId"], "levels": [len(frame["bids"]), len(frame["asks"])], "top": best}
        self._note("snapshot", listing, "", now_ms, fields, sent=True)

    def _note(self, kind: str, listing: Listing, stream: str, now_ms: int, fields: frames.Frame, *, sent: bool) -> None:
        if len(self._waiting) >= _MOST_WAITING:
            self.lost += 1
            return
        about = {"kind": kind, "market": listing.market, "symbol": listing.symbol, "stream": stream}
        self._waiting.append(frames.encode({**about, "at_ms": now_ms, "sent": sent, "event": fields}))

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
            await asyncio.to_thread(self._append, rows)
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
