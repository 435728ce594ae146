"""One venue, collected: its connections and snapshots feed one `pipeline.Feed`, and its events go to a sink."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable

from marketprism.collector.rest import RestClient
from marketprism.collector.session import Session
from marketprism.contract.catalog import DATA_TYPES
from marketprism.contract.events import Gap
from marketprism.pipeline.feed import Feed
from marketprism.pipeline.outputs import Output, Record
from marketprism.settings import VenueSettings
from marketprism.telemetry import logs
from marketprism.telemetry.watchdog import Beat
from marketprism.venues.binance.adapter import Binance
from marketprism.venues.binance.markets import MARKETS, instrument
from marketprism.venues.protocol import Connection, Notice, NoticeKind, Refusal, RestRequest, Send

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
        adapter = Binance(MARKETS[name], [instrument(MARKETS[name], s) for s in settings.symbols], settings.data_types)
        self.name = name
        self.feed = Feed(
            adapter,
            book_depth=book_depth,
            book_interval_ns=int(book_interval_seconds * 1e9),
            book_changes="orderbook_delta" in settings.data_types,
        )
        self.rest = RestClient(
            venue=name,
            base_url=settings.rest_url,
            weight_per_minute=adapter.weight_per_minute,
            on_body=self._on_answer,
            on_failure=lambda request: self.feed.failed(request, time.time_ns()),
        )
        self.sessions = {c.name: self._session(c, settings.ws_url) for c in adapter.connections()}
        self.data_types = settings.data_types
        self.has_books = "orderbook" in settings.data_types
        self._sink = sink
        self._tap = tap
        started = time.monotonic()
        self._seen = {(data_type, instrument.symbol): started for data_type, instrument in adapter.feeds()}
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
        return [
            f"{self.name} {data_type} {symbol}"
            for (data_type, symbol), age in self.ages().items()
            if (limit := DATA_TYPES[data_type].freshness_seconds) is not None and age > limit
        ]

    def book_states(self) -> dict[str, str]:
        """Return the state of each book; empty where none is collected."""
        if not self.has_books:
            return {}
        return {instrument.symbol: state for instrument, state in self.feed.book_states().items()}

    def _session(self, connection: Connection, base_url: str) -> Session:
        async def on_frame(frame: bytes, receive_ns: int) -> None:
            if self._tap is not None:
                self._tap(frame, receive_ns)
            await self._handle(self.feed.feed(frame, receive_ns), session)

        session = Session(
            name=f"{self.name}/{connection.name}",
            url=base_url + connection.path,
            silence_seconds=BOOK_SILENCE_SECONDS if connection.books else QUIET_SILENCE_SECONDS,
            on_frame=on_frame,
            on_lost=lambda: self.feed.disconnected(connection),
            subscribe=connection.subscribe,
            messages_per_second=connection.max_messages_per_second,
        )
        return session

    async def _on_answer(self, request: RestRequest, body: bytes, receive_ns: int) -> None:
        if self._tap is not None:
            self._tap(body, receive_ns)
        await self._handle(self.feed.answer(request, body, receive_ns))

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
                    await self._record(output)
                case RestRequest():
                    self.rest.request(output)
                case Send():
                    self._send(output, session)
                case Refusal():
                    self._log_refusal(output)
                case Notice():
                    self._notice(output, session)

    async def _record(self, record: Record) -> None:
        if isinstance(record.event, Gap):
            self._log_gap(record, record.event)
        else:
            self._seen[record.data_type, record.instrument.symbol] = time.monotonic()
        await self._sink(record)

    def _send(self, send: Send, session: Session | None) -> None:
        target = self.sessions[send.connection] if send.connection else session
        assert target is not None, "an answer belongs to the connection of the frame"
        target.send(send.message)

    def _notice(self, notice: Notice, session: Session | None) -> None:
        _log.info("notice", venue=self.name, kind=notice.kind, detail=notice.detail)
        if notice.kind is NoticeKind.ENDING and session is not None:
            session.renew()

    def _log_gap(self, record: Record, gap: Gap) -> None:
        _log.warning(
            "gap healed" if gap.healed_by else "gap",
            data_type=gap.data_type,
            instrument=str(record.instrument),
            after_id=gap.after_id,
            before_id=gap.before_id,
            size=gap.size,
            healed_by=gap.healed_by or None,
        )

    def _log_refusal(self, refusal: Refusal) -> None:
        """Log the first of each reason; the counters tell the rest."""
        if refusal.reason not in self._refusals_logged:
            self._refusals_logged.add(refusal.reason)
            _log.warning("refused", venue=self.name, reason=refusal.reason, detail=refusal.detail)
