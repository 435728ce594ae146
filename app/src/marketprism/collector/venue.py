"""One venue, collected: its connections and snapshots feed one `pipeline.Feed`, and its events go to a sink."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable

from marketprism.collector.rest import SnapshotClient
from marketprism.collector.session import Session
from marketprism.contract.catalog import DATA_TYPES
from marketprism.contract.instruments import Instrument
from marketprism.pipeline import Feed, Gap, Output, Record
from marketprism.settings import VenueSettings
from marketprism.telemetry import logs
from marketprism.telemetry.watchdog import Beat
from marketprism.venues.binance.adapter import Binance
from marketprism.venues.binance.markets import MARKETS
from marketprism.venues.protocol import Connection, Notice, Refusal, SnapshotRequest

DUE_SECONDS = 0.1
BOOK_SILENCE_SECONDS = 60.0
"""A book's stream speaks ten times a second in any market that is alive."""
QUIET_SILENCE_SECONDS = 300.0
"""Trades of a small market may pause for minutes; a dead link shows by its pings before."""

_log = logs.get("venue")


class VenueCollector:
    """Runs one venue until cancelled.

    Args:
        name: The venue's name in the settings.
        settings: Its addresses, symbols and data types.
        sink: Takes each event; what it waits for holds the reading of the venue up.
        book_depth: Levels a side in a published snapshot.
        book_interval_seconds: Time between published snapshots of one book.
        tap: Sees every frame and every snapshot's body as received, with the nanoseconds of receipt.
    """

    def __init__(
        self,
        name: str,
        settings: VenueSettings,
        *,
        sink: Callable[[Record], Awaitable[None]],
        book_depth: int = 100,
        book_interval_seconds: float = 1.0,
        tap: Callable[[bytes, int], None] | None = None,
    ) -> None:
        adapter = Binance(MARKETS[name], settings.symbols, settings.data_types)
        self.name = name
        self.feed = Feed(adapter, book_depth=book_depth, book_interval_ns=int(book_interval_seconds * 1e9))
        self.gaps_by_type = dict.fromkeys(settings.data_types, 0)
        self.rest = SnapshotClient(
            venue=name,
            base_url=settings.rest_url,
            weight_per_minute=adapter.weight_per_minute,
            on_body=self._on_snapshot,
            on_failure=lambda instrument: self.feed.snapshot_failed(instrument, time.time_ns()),
        )
        self.sessions = {c.name: self._session(c, settings.ws_url) for c in adapter.connections()}
        self.has_books = "orderbook" in settings.data_types
        self._sink = sink
        self._tap = tap
        self._instruments = list(adapter.instruments().values())
        started = time.monotonic()
        self._seen = {(t, i.symbol): started for t in settings.data_types for i in self._instruments}
        self._refusals_logged: set[str] = set()

    async def run(self, beat: Beat) -> None:
        """Collect for ever; `beat` shows that time-driven work goes on."""
        async with asyncio.TaskGroup() as tasks:
            for session in self.sessions.values():
                tasks.create_task(session.run(), name=f"session {session.name}")
            tasks.create_task(self.rest.run(), name=f"{self.name} rest")
            tasks.create_task(self._keep_time(beat), name=f"{self.name} time")

    def ages(self) -> dict[tuple[str, str], float]:
        """Return the seconds since the newest event (at first: since the start) by data type and symbol."""
        now = time.monotonic()
        return {key: now - seen for key, seen in self._seen.items()}

    def stale(self) -> list[str]:
        """Name the feeds older than the contract allows: ``binance-spot trade BTC-USDT``."""
        ages = self.ages().items()
        return [f"{self.name} {t} {s}" for (t, s), age in ages if age > DATA_TYPES[t].freshness_seconds]

    def book_states(self) -> dict[str, str]:
        """Return the state of each book; empty where none is collected."""
        return self.feed.book_states() if self.has_books else {}

    def _session(self, connection: Connection, base_url: str) -> Session:
        async def on_frame(frame: bytes, receive_ns: int) -> None:
            if self._tap is not None:
                self._tap(frame, receive_ns)
            await self._handle(self.feed.feed(frame, receive_ns), session)

        session = Session(
            name=f"{self.name}/{connection.name}",
            url=base_url + connection.path,
            silence_seconds=BOOK_SILENCE_SECONDS if connection.book_symbols else QUIET_SILENCE_SECONDS,
            on_frame=on_frame,
            on_lost=lambda: self.feed.disconnected(connection),
        )
        return session

    async def _on_snapshot(self, instrument: Instrument, body: bytes, receive_ns: int) -> None:
        if self._tap is not None:
            self._tap(body, receive_ns)
        await self._handle(self.feed.feed_snapshot(instrument, body, receive_ns))

    async def _keep_time(self, beat: Beat) -> None:
        while True:
            beat.progress()
            outputs = self.feed.due(time.time_ns())
            if outputs:
                with beat.waiting("room in the publisher"):
                    await self._handle(outputs)
            await asyncio.sleep(DUE_SECONDS)

    async def _handle(self, outputs: Iterable[Output], session: Session | None = None) -> None:
        for output in outputs:
            match output:
                case Record():
                    self._seen[output.data_type, output.instrument.symbol] = time.monotonic()
                    await self._sink(output)
                case SnapshotRequest():
                    self.rest.request(output)
                case Gap():
                    self.gaps_by_type[output.data_type] += 1
                    self._log_gap(output)
                case Refusal():
                    self._log_refusal(output)
                case Notice():
                    self._notice(output, session)

    def _notice(self, notice: Notice, session: Session | None) -> None:
        _log.info("notice", venue=self.name, kind=notice.kind, detail=notice.detail)
        if notice.kind == "server_shutdown" and session is not None:
            session.renew()

    def _log_gap(self, gap: Gap) -> None:
        _log.warning(
            "gap",
            data_type=gap.data_type,
            instrument=str(gap.instrument),
            after_id=gap.after_id,
            before_id=gap.before_id,
            size=gap.size,
        )

    def _log_refusal(self, refusal: Refusal) -> None:
        """Log the first of each reason; the counters tell the rest."""
        if refusal.reason not in self._refusals_logged:
            self._refusals_logged.add(refusal.reason)
            _log.warning("refused", venue=self.name, reason=refusal.reason, detail=refusal.detail)
