"""What an adapter's instruments bring: connections and answers feed one `pipeline.Feed`, its events go to a sink."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from functools import partial

from marketprism.collector.dialing import Dialing
from marketprism.collector.link import Link
from marketprism.collector.liveness import Key, Liveness
from marketprism.collector.renewal import Renewals
from marketprism.collector.repeats import Repeats
from marketprism.collector.rest import SOURCE, RestClient
from marketprism.collector.session import Session, Traffic
from marketprism.collector.skew import ClockSkew
from marketprism.collector.state import LIMITED_WAIT_SECONDS
from marketprism.contract.events import BookSnapshot, Gap, Trade
from marketprism.contract.instruments import Instrument
from marketprism.pipeline.feed import Feed
from marketprism.pipeline.outputs import Output, Record
from marketprism.telemetry import logs
from marketprism.telemetry.watchdog import Beat
from marketprism.venues.protocol import (
    Connection,
    Notice,
    NoticeKind,
    Purpose,
    Refusal,
    RestRequest,
    Send,
    Venue,
    VenueEvent,
)

DUE_SECONDS = 0.1
LOOK_SECONDS = 1.0
RATE_LIMITED = "rest_limited"
"""Reason of the refusal by which an adapter tells of a limit that came with HTTP 200."""
BOOK_TYPES = ("orderbook", "orderbook_delta")

_log = logs.get("venue")


class Collection:
    """The collecting of one venue's instruments, from the adapter that was made for them on.

    Args:
        name: The venue's.
        ws_url: Its WebSocket base address.
        adapter: Speaks for it.
        feed: Built on the same adapter.
        rest: Fetches what the feed asks for.
        liveness: Told of every event.
        dialing: How connections are opened.
        sink: Takes each event; what it waits for holds the reading of the venue up.
        tap: Sees every frame as received, with the nanoseconds of receipt.
    """

    def __init__(
        self,
        name: str,
        ws_url: str,
        adapter: Venue,
        feed: Feed,
        *,
        rest: RestClient,
        liveness: Liveness,
        dialing: Dialing,
        sink: Callable[[Record], Awaitable[None]],
        tap: Callable[[bytes, int], None] | None = None,
    ) -> None:
        self.feed = feed
        self.skew = ClockSkew()
        self._name = name
        self._rest = rest
        self._liveness = liveness
        self._sink = sink
        self._tap = tap
        self._repeats = Repeats()
        self._polled = {
            (p.request.data_type, p.request.instrument.symbol) for p in adapter.polls() if p.request.instrument
        }
        self.sessions = {c.name: self._session(c, ws_url, dialing) for c in adapter.connections()}
        self._renewals = Renewals(self.sessions)
        self._silent: dict[Key, str] = {}

    async def run(self, beat: Beat) -> None:
        """Collect for ever; `beat` shows that time-driven work goes on."""
        try:
            async with asyncio.TaskGroup() as tasks:
                for session in self.sessions.values():
                    tasks.create_task(session.run(), name=f"session {session.name}")
                tasks.create_task(self._keep_time(beat), name=f"{self._name} time")
        finally:
            self._rest.forget(self)

    async def answered(self, request: RestRequest, body: bytes, receive_ns: int) -> None:
        """Take the answer to a request of the feed."""
        if self._tap is not None:
            self._tap(body, receive_ns)
        if request.purpose is Purpose.BOOK and request.instrument is not None:
            for data_type in BOOK_TYPES:
                self._renewals.answered((data_type, request.instrument.symbol), time.monotonic())
        await self._handle(self.feed.answer(request, body, receive_ns), SOURCE)

    def failed(self, request: RestRequest, _reason: str) -> None:
        """Note that a request of the feed was not answered."""
        self.feed.failed(request, time.time_ns())

    def _session(self, connection: Connection, base_url: str, dialing: Dialing) -> Session:
        async def take(link: Link, events: Iterable[VenueEvent]) -> None:
            await self._handle(self.feed.take(events), connection.name, link)

        traffic = Traffic(self._understand, take, partial(self.feed.disconnected, connection))
        return Session(f"{self._name}/{connection.name}", base_url + connection.path, connection, dialing, traffic)

    def _understand(self, frame: bytes, receive_ns: int) -> list[VenueEvent]:
        if self._tap is not None:
            self._tap(frame, receive_ns)
        return self.feed.understand(frame, receive_ns)

    async def _keep_time(self, beat: Beat) -> None:
        look_at = 0.0
        while True:
            beat.progress()
            outputs = self.feed.due(time.time_ns())
            if outputs:
                with beat.waiting("room in the publisher"):
                    await self._handle(outputs, "")
            if time.monotonic() >= look_at:
                look_at = time.monotonic() + LOOK_SECONDS
                self._look_for_silence()
            await asyncio.sleep(DUE_SECONDS)

    def _look_for_silence(self) -> None:
        """Log what fell silent since the last look, and renew the connections that should carry it."""
        now = time.monotonic()
        held_up = {name for name, session in self.sessions.items() if session.is_held_up}
        silent = {
            key: "no room in the publisher" if held_up & (self._liveness.carriers(key) or held_up) else how
            for key, how in self._liveness.silent(now).items()
        }
        _log_changes(self._name, silent.keys() - self._silent.keys(), silent, "feeds silent")
        _log_changes(self._name, self._silent.keys() - silent.keys(), self._silent, "feeds live again")
        self._silent = silent
        since = {name: s.listening_since for name, s in self.sessions.items() if s.listening_since is not None}
        streamed = silent.keys() - self._polled - self._waiting_for_rest()
        for name, key in self._renewals.due(streamed, self._liveness, since, now).items():
            self.sessions[name].renew(f"{' '.join(key)} {silent[key]}")

    def _waiting_for_rest(self) -> set[Key]:
        """Name the books that are only missing because their image is on its way, or has to wait for it."""
        symbols = [each.symbol for each in self._rest.awaited_books() if each is not None]
        return {(data_type, symbol) for data_type in BOOK_TYPES for symbol in symbols}

    async def _handle(self, outputs: Iterable[Output], carrier: str, link: Link | None = None) -> None:
        for output in outputs:
            match output:
                case Record():
                    await self._record(output, carrier)
                case RestRequest():
                    self._ask(output)
                case Send():
                    self._send(output, link)
                case Refusal():
                    self._refuse(output)
                case Notice():
                    self._notice(output, carrier, link)

    async def _record(self, record: Record, carrier: str) -> None:
        event = record.event
        if isinstance(event, Gap):
            _log_gap(record.instrument, event)
        else:
            key = (record.data_type, record.instrument.symbol)
            self._liveness.seen(key, carrier, time.monotonic())
            if isinstance(event, Trade):
                self.skew.add(event.event_us, event.receive_ns)
            elif isinstance(event, BookSnapshot):
                self.skew.add(event.timestamp_us, event.receive_ns)
        await self._sink(record)

    def _ask(self, request: RestRequest) -> None:
        if request.instrument is not None and self._liveness.is_delisted(request.instrument.symbol):
            self.failed(request, "delisted")
        else:
            self._rest.request(request, self)

    def _send(self, send: Send, link: Link | None) -> None:
        if send.connection:
            self.sessions[send.connection].send(send.message)
        else:
            assert link is not None, "an answer belongs to the connection of the frame"
            link.send(send.message)

    def _notice(self, notice: Notice, carrier: str, link: Link | None) -> None:
        count = self._repeats.count(notice.kind, time.monotonic())
        if count:
            write = _log.info if notice.kind is NoticeKind.ACKNOWLEDGED else _log.warning
            write("notice", venue=self._name, connection=carrier, kind=notice.kind, detail=notice.detail, count=count)
        if notice.kind is NoticeKind.ENDING and link is not None:
            self.sessions[carrier].announced_end(link)

    def _refuse(self, refusal: Refusal) -> None:
        if refusal.reason == RATE_LIMITED:
            self._rest.limit(refusal.detail, LIMITED_WAIT_SECONDS, time.time_ns())
        count = self._repeats.count(refusal.reason, time.monotonic())
        if count:
            _log.warning("refused", venue=self._name, reason=refusal.reason, detail=refusal.detail, count=count)


def _log_changes(venue: str, keys: Iterable[Key], how: dict[Key, str], text: str) -> None:
    named = sorted(" ".join((*key, f"({how[key]})")) for key in keys)
    if named:
        _log.warning(text, venue=venue, feeds=named[:10], count=len(named))


def _log_gap(instrument: Instrument, gap: Gap) -> None:
    _log.warning(
        "gap healed" if gap.healed_by else "gap",
        data_type=gap.data_type,
        instrument=str(instrument),
        after_id=gap.after_id,
        before_id=gap.before_id,
        size=gap.size,
        healed_by=gap.healed_by or None,
    )
