"""One WebSocket of a venue, kept open for ever: opened again when lost, and replaced without a hole before its end."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from marketprism.collector.dialing import Dialing, Redial
from marketprism.collector.link import HELD_UP_SECONDS, Link
from marketprism.telemetry import logs
from marketprism.venues.protocol import Connection, Notice, Refusal, Send, VenueEvent

ROTATION_SPREAD = 0.02
"""Part of its age by which a connection may be replaced early: all were opened together, and each needs a second."""
SETTLE_SECONDS = 2.0
"""From the last message of a subscription until all of its streams flow."""
HANDOVER_SECONDS = 30.0
"""A new connection that delivers nothing for so long, while the old one does, does not replace it."""
ROOM_SECONDS = 20.0
"""Wait for room for a second connection; after that the first one is closed before."""
MAX_HELD_BYTES = 16 * 1024 * 1024
"""Of frames that a new connection may hold back; then it is not read until they are let through. What was read from
them takes several times as much."""

_log = logs.get("session")


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
        self._redial = Redial(name, dialing)
        self._active: Link | None = None
        self._renewal: str | None = None
        self._room_until = 0.0
        self._changed = asyncio.Event()

    @property
    def is_open(self) -> bool:
        """Whether data can come."""
        return self._active is not None and not self._active.ended

    @property
    def is_held_up(self) -> bool:
        """Whether what came has to wait for our own publisher: silence is no fault of the venue then."""
        return self._active is not None and not self._active.ended and self._active.is_held_up

    @property
    def listening_since(self) -> float | None:
        """Since when all that comes is taken, in monotonic seconds; None while nothing comes or it is held up."""
        if self._active is None or self._active.ended or self._active.is_held_up:
            return None
        return self._active.listening_since

    def send(self, message: bytes) -> None:
        """Send one message on the connection in use; what a lost one did not send is forgotten."""
        if self._active is not None and not self._active.send(message):
            _log.warning("too much to send", connection=self.name)
            self.renew("too much to send")  # the new connection subscribes from the start

    def renew(self, why: str) -> None:
        """Replace the connection by a new one."""
        if self._renewal is None:
            self._renewal = why
            self._room_until = time.monotonic() + ROOM_SECONDS
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
        link.release()

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
            link.held_bytes += len(frame)
            link.delivers = link.delivers or not all(isinstance(event, Refusal) for event in data)
            self._changed.set()
        if link.held_bytes >= MAX_HELD_BYTES:
            await link.released.wait()

    async def _successor(self, links: asyncio.TaskGroup, link: Link) -> Link:
        """Wait until a link has ended or has to be replaced, and return the one that comes after it."""
        assert link.opened_at is not None, "only an open link is used"
        early = random.random() * ROTATION_SPREAD  # noqa: S311 - jitter is no secret
        rotate_at = link.opened_at + self._dialing.rotation_seconds * (1 - early)
        while not link.ended:
            now = time.monotonic()
            if now >= rotate_at:
                self.renew(f"{now - link.opened_at:.0f} s old")
            if self._renewal is None or now < self._redial.not_before:
                await self._change((rotate_at if self._renewal is None else self._redial.not_before) - now)
            elif link.is_held_up:  # a second one would hold back all that comes until we go on
                await self._change(HELD_UP_SECONDS)
            elif self._dialing.places.room_for_socket:
                fresh = await self._replacement(links, link)
                if fresh is not None:
                    return fresh
            elif now < self._room_until:
                await self._change(ROOM_SECONDS / 20)
            else:
                await self._end(link, f"{self._renewal}; no room for a second connection")
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
            self._redial.failed(fresh.cause, fresh.refusal)
            return None
        if ready is False:
            await self._end(fresh, "delivers nothing")
            self._redial.fruitless()
            return None
        if ready is None:
            self._lost(old)
            return fresh
        await self._end(old, f"replaced ({self._renewal})")
        self.rotations += 1
        self._redial.replaced()
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
            self.cause = link.cause
            self._redial.failed(link.cause, link.refusal)

    async def _attempt(self, links: asyncio.TaskGroup) -> Link:
        """Open a link when that is allowed again; one that could not be opened has ended."""
        await self._redial.permission()
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
            self._redial.opened()
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
        self._redial.lost(seconds)
        _log.warning("connection lost", connection=self.name, cause=self.cause, after_seconds=round(seconds, 1))
        self._traffic.lost()
