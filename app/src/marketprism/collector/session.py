"""One WebSocket of a venue, kept open for ever: opened again when lost, and replaced without a hole before its end."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from marketprism.collector.allowance import Places
from marketprism.collector.backoff import Backoff
from marketprism.collector.budget import AttemptBudget
from marketprism.collector.link import Link
from marketprism.collector.state import (
    BLOCKED_STATUSES,
    BLOCKED_WAIT_SECONDS,
    LIMITED_STATUSES,
    VenueState,
    retry_after,
)
from marketprism.telemetry import logs
from marketprism.venues.protocol import SECOND_NS, Connection, Notice, Refusal, Send, VenueEvent

SOUND_SECONDS = 30.0
"""A connection that lasted this long was a success: the next attempt starts with the shortest wait again."""
ATTEMPTS_IN_A_ROW_LOGGED = 5
SETTLE_SECONDS = 2.0
"""From the last message of a subscription until all of its streams flow."""
HANDOVER_SECONDS = 30.0
"""A new connection that delivers nothing for so long, while the old one does, does not replace it."""
FRUITLESS_SECONDS = 180.0
"""Until the next try after that."""
MAX_HELD = 100_000
"""Frames that a new connection may hold back; more means that the old one is not taken care of."""

_log = logs.get("session")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialing:
    """How a venue's connections are opened.

    Attributes:
        proxy: None goes directly.
        attempts: Shared by the venues of one exchange.
        places: Shared by the process.
        state: Told what the venue answers.
        first_wait_seconds: Bound of the first wait after a loss.
        rotation_seconds: Age at which a connection is replaced; exchanges cut theirs after a day.
    """

    proxy: str | None
    attempts: AttemptBudget
    places: Places
    state: VenueState
    first_wait_seconds: float = 0.5
    rotation_seconds: float = 23 * 3600 + 50 * 60


@dataclass(frozen=True, slots=True)
class Traffic:
    """What is done with what a connection brings.

    Attributes:
        understand: Reads a frame; must not wait.
        take: Uses what frames hold, in order; what it waits for holds the reading up.
        lost: Called when an open connection ended before another one had taken its place.
    """

    understand: Callable[[bytes, int], list[VenueEvent]]
    take: Callable[[Link, Iterable[VenueEvent]], Awaitable[None]]
    lost: Callable[[], None]


class Session:
    """One WebSocket of a venue. `run` owns it; the rest may be read by anybody.

    Args:
        name: For logs and metrics: ``binance-spot/market-data``.
        url: Where to connect, streams included.
        connection: What to send there.
        dialing: How to connect.
        traffic: Takes what comes.
    """

    def __init__(self, name: str, url: str, connection: Connection, dialing: Dialing, traffic: Traffic) -> None:
        self.name = name
        self.cause: str | None = "connecting"
        self.attempts = 0
        self.losses = 0
        self.rotations = 0
        self._url = url
        self._connection = connection
        self._dialing = dialing
        self._traffic = traffic
        self._backoff = Backoff(first=dialing.first_wait_seconds, cap=max(15.0, dialing.first_wait_seconds))
        self._active: Link | None = None
        self._renewal: str | None = None
        self._not_before = 0.0
        self._changed = asyncio.Event()

    @property
    def is_open(self) -> bool:
        """Whether data can come."""
        return self._active is not None and not self._active.ended

    @property
    def open_since(self) -> float | None:
        """When the connection in use was opened, in monotonic seconds; None while there is none."""
        return self._active.opened_at if self._active is not None and not self._active.ended else None

    def send(self, message: bytes) -> None:
        """Send one message on the connection in use; what a lost one did not send is forgotten."""
        if self._active is not None and not self._active.send(message):
            _log.warning("too much to send", connection=self.name)
            self.renew("too much to send")  # the new connection subscribes from the start

    def renew(self, why: str) -> None:
        """Replace the connection by a new one."""
        if self._renewal is None:
            self._renewal = why
            self._changed.set()

    def announced_end(self, link: Link) -> None:
        """Replace a connection whose end the venue has announced."""
        if link is self._active:
            self.renew("the venue announced its end")

    async def run(self) -> None:
        """Keep the connection open until cancelled."""
        try:
            async with asyncio.TaskGroup() as links:
                link = await self._open(links)
                while True:
                    await self._use(link)
                    link = await self._successor(links, link)
        finally:
            self._active, self.cause = None, "stopped"

    async def _use(self, link: Link) -> None:
        """Let a link's frames through, those that it held back first."""
        self._active, self._renewal, self.cause = link, None, None
        while link.held:  # what comes meanwhile lines up behind
            await self._traffic.take(link, link.held[0])
            link.held.popleft()
        link.released.set()

    async def _arrived(self, link: Link, frame: bytes, receive_ns: int) -> None:
        events = self._traffic.understand(frame, receive_ns)
        if link.released.is_set():
            await self._traffic.take(link, events)
            return
        talk = [event for event in events if isinstance(event, Notice | Send)]
        if talk:  # is between us and the venue, and cannot wait
            await self._traffic.take(link, talk)
        data: list[VenueEvent] = [event for event in events if not isinstance(event, Notice | Send)]
        if data:
            link.held.append(data)
            link.delivers = link.delivers or not all(isinstance(event, Refusal) for event in data)
            self._changed.set()
        if len(link.held) >= MAX_HELD:
            await link.released.wait()

    async def _successor(self, links: asyncio.TaskGroup, link: Link) -> Link:
        """Wait until a link has ended or has to be replaced, and return the one that comes after it."""
        assert link.opened_at is not None, "only an open link is used"
        rotate_at = link.opened_at + self._dialing.rotation_seconds
        while not link.ended:
            now = time.monotonic()
            if now >= rotate_at:
                self.renew(f"{self._dialing.rotation_seconds:.0f} s old")
            if self._renewal is None or now < self._not_before:
                await self._change((rotate_at if self._renewal is None else self._not_before) - now)
            elif not self._dialing.places.room_for_socket:
                await self._end(link, f"{self._renewal}; no room for a second connection")
            elif (fresh := await self._replacement(links, link)) is not None:
                return fresh
        self._lost(link)
        return await self._open(links)

    async def _replacement(self, links: asyncio.TaskGroup, old: Link) -> Link | None:
        """Open a second link, wait until it delivers, then end the old one; None when that did not work out."""
        fresh = await self._attempt(links)
        ready: bool | None = None
        while ready is None and not fresh.ended and not old.ended:
            await self._change(SETTLE_SECONDS / 4)
            ready = self._delivers(fresh, old)
        if fresh.ended:
            self._failed(fresh)
            return None
        if ready is False:
            await self._end(fresh, "delivers nothing")
            self._not_before = time.monotonic() + FRUITLESS_SECONDS
            return None
        if ready is None:
            self._lost(old)
            return fresh
        await self._end(old, f"replaced ({self._renewal})")
        self.rotations += 1
        self._backoff.reset()
        _log.info("connection replaced", connection=self.name, reason=self._renewal)
        return fresh

    def _delivers(self, fresh: Link, old: Link) -> bool | None:
        """Tell whether a new link delivers what the old one does; None while that is open."""
        assert fresh.opened_at is not None, "only an open link can deliver"
        now = time.monotonic()
        settle_seconds = SETTLE_SECONDS if self._connection.subscribe else 0.0
        if fresh.delivers:
            return True if fresh.subscribed_at is not None and now >= fresh.subscribed_at + settle_seconds else None
        if now < fresh.opened_at + HANDOVER_SECONDS:
            return None
        return old.heard_at < fresh.opened_at  # where nobody speaks, the new one is as good

    async def _open(self, links: asyncio.TaskGroup) -> Link:
        """Try until a link is open."""
        while True:
            link = await self._attempt(links)
            if not link.ended:
                return link
            self._failed(link)

    async def _attempt(self, links: asyncio.TaskGroup) -> Link:
        """Open a link when that is allowed again; one that could not be opened has ended."""
        attempts = self._dialing.attempts
        await asyncio.sleep(max(0.0, self._not_before - time.monotonic()))
        while (wait_ns := attempts.wait_ns(time.time_ns())) > 0:  # noqa: ASYNC110 - others spend the budget meanwhile
            await asyncio.sleep(wait_ns / SECOND_NS)
        attempts.spend(time.time_ns())
        self.attempts += 1
        link = Link(
            self._url,
            self._connection,
            self._dialing.proxy,
            on_frame=self._arrived,
            on_change=self._changed.set,
        )
        links.create_task(self._keep(link), name=f"{self.name} link {self.attempts}")
        while link.opened_at is None and not link.ended:
            await self._change()
        if link.opened_at is not None:
            self._dialing.state.served(self.name)
            _log.info("connected", connection=self.name)
        return link

    async def _end(self, link: Link, cause: str) -> None:
        await link.close(cause)
        while not link.ended:
            await self._change()

    async def _keep(self, link: Link) -> None:
        if not self._dialing.places.room_for_socket:
            self.cause = f"waits for one of {self._dialing.places.limit} connections (MAX_CONCURRENT_CONNECTIONS)"
        async with self._dialing.places.socket():
            await link.run()

    async def _change(self, seconds: float | None = None) -> None:
        """Wait until something has changed, or for some seconds."""
        try:
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        except TimeoutError:
            return
        self._changed.clear()

    def _lost(self, link: Link) -> None:
        assert link.opened_at is not None, "what never opened is not lost"
        seconds = time.monotonic() - link.opened_at
        self._active, self.cause = None, link.cause
        self.losses += 1
        if seconds >= SOUND_SECONDS:
            self._backoff.reset()
        self._not_before = time.monotonic() + self._backoff.next(_roll())
        _log.warning("connection lost", connection=self.name, cause=self.cause, after_seconds=round(seconds, 1))
        self._traffic.lost()

    def _failed(self, link: Link) -> None:
        """Choose the time of the next attempt by what the venue answered to this one."""
        status = link.refusal.response.status_code if link.refusal is not None else 0
        if self._active is None:
            self.cause = link.cause
        if status in BLOCKED_STATUSES:
            self._dialing.state.blocked(self.name, f"{self.name} answers HTTP {status}")
            seconds = BLOCKED_WAIT_SECONDS
        elif link.refusal is not None and status in LIMITED_STATUSES:
            seconds = retry_after(link.refusal.response.headers.get("Retry-After"))
            self._dialing.state.limited(seconds, f"{self.name} answers HTTP {status}", time.time_ns())
            self._dialing.attempts.close(seconds, time.time_ns())
        else:
            seconds = self._backoff.next(_roll())
        self._not_before = time.monotonic() + seconds
        if self._backoff.attempts <= ATTEMPTS_IN_A_ROW_LOGGED:
            _log.warning("not connected", connection=self.name, cause=link.cause, wait_seconds=round(seconds, 2))


def _roll() -> float:
    return random.random()  # noqa: S311 - jitter is no secret
