"""One WebSocket connection: its subscriptions, its bounded queue, and its end. What is said on it is a `Dialogue`."""

import asyncio
import contextlib
from collections import deque
from time import monotonic
from typing import Protocol

from aiohttp import WSMessage, WSMsgType, web

from marketprism.sim.hub import Channel, Hub
from marketprism.sim.instruments import MarketKind
from marketprism.telemetry import logs

_LOG = logs.get("sim")
_MOST_BYTES_IN = 256 * 1024
_CLOSE_SECONDS = 0.5
ABNORMAL_CLOSURE = 1006
"""Never sent: the code that a client reports when the connection broke off without a close frame."""


class Dialogue(Protocol):
    """How one venue talks on one connection. Everything that it sends goes through the connection it is given."""

    async def opened(self, connection: "Connection") -> bool:
        """Answer the handshake's wishes, such as streams in the address; False ends the connection."""
        ...

    async def heard(self, connection: "Connection", message: WSMessage) -> bool:
        """Answer one message, ping, pong or text; False ends the connection, which was closed before."""
        ...

    async def attend(self, connection: "Connection") -> None:
        """Do what is not an answer (pings, heartbeats, time limits) until cancelled, or return."""
        ...

    def frame(self, stream: str, event: bytes) -> bytes:
        """Wrap an event of a subscribed stream as this connection wants it."""
        ...

    def refused(self, status: int) -> web.Response:
        """Return the answer to a handshake that a fault refuses: 403 or 451."""
        ...


class Connection:
    """Serves one client until it leaves or breaks a rule.

    Args:
        queue_frames: Frames that may wait for the client; one more cuts it off, as nothing may be dropped silently.

    Attributes:
        markets: Whose entrance it came through; some venues have one for several markets.
        doom: When it will be closed by the exchange, with which code and reason.
        opened_at: Monotonic time of the handshake.
        heard_at: Monotonic time of the last message from the client; `sent_at` likewise of the last frame queued.
        channels: What is subscribed, in order.
    """

    def __init__(self, hub: Hub, markets: tuple[MarketKind, ...], dialogue: Dialogue, *, queue_frames: int) -> None:
        self.markets, self.dialogue = markets, dialogue
        self.doom: tuple[float, int, str] | None = None
        self.opened_at = self.heard_at = self.sent_at = monotonic()
        self.channels: dict[Channel, None] = {}
        self._hub, self._limit = hub, queue_frames
        self._queue: deque[bytes] = deque()
        self._filled, self._drained = asyncio.Event(), asyncio.Event()
        self._drained.set()
        self._socket = web.WebSocketResponse(
            autoping=False, compress=False, max_msg_size=_MOST_BYTES_IN, timeout=_CLOSE_SECONDS
        )
        self._transport: asyncio.Transport | None = None
        self._log = _LOG.bind(venue=markets[0].value)

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """Answer the handshake and serve until the connection ends."""
        await self._socket.prepare(request)
        self._transport = request.transport
        self._log = self._log.bind(peer=request.remote, path=request.path)
        self._log.info("sim.client_connected")
        try:
            async with asyncio.TaskGroup() as tasks:
                helpers = [tasks.create_task(each) for each in (self._write(), self._attend())]
                await self._read()
                for helper in helpers:
                    helper.cancel()
        finally:
            for channel in list(self.channels):
                self.unsubscribe(channel)
            self._log.info("sim.client_left", code=self._socket.close_code, unsent_frames=len(self._queue))
        return self._socket

    def subscribe(self, channel: Channel) -> None:
        """Deliver a channel from now on; any name is accepted, only published ones ever deliver."""
        self.channels[channel] = None
        self._hub.subscribe(channel, self)

    def unsubscribe(self, channel: Channel) -> None:
        """Stop delivering a channel, also one that was never subscribed."""
        self.channels.pop(channel, None)
        self._hub.unsubscribe(channel, self)

    def send(self, frame: bytes) -> bool:
        """Queue a text frame as it is, behind everything published before; False when the client is being cut off."""
        if self._transport is None or self._transport.is_closing() or self._socket.closed:
            return False
        if len(self._queue) >= self._limit:
            self._log.warning("sim.slow_client_cut_off", queued_frames=len(self._queue))
            self._transport.abort()
            return False
        self._queue.append(frame)
        self.sent_at = monotonic()
        self._filled.set()
        self._drained.clear()
        return True

    def deliver(self, stream: str, event: bytes) -> bool:
        """Queue one event of a subscribed stream."""
        return self.send(self.dialogue.frame(stream, event))

    def crowded(self) -> bool:
        """Tell whether half of the queue is used."""
        return len(self._queue) * 2 > self._limit

    async def ping(self, payload: bytes) -> None:
        """Send a ping frame, ahead of what is queued."""
        await self._socket.ping(payload)

    async def pong(self, payload: bytes) -> None:
        """Answer a ping frame."""
        await self._socket.pong(payload)

    async def close(self, code: int, reason: str) -> None:
        """Say goodbye with a close code, ahead of what is queued; the reader ends by it.

        With `ABNORMAL_CLOSURE` nothing is said: the connection breaks off.
        """
        self._log.info("sim.client_closed", code=int(code), reason=reason)
        if code == ABNORMAL_CLOSURE:
            if self._transport:
                self._transport.abort()
        else:
            with contextlib.suppress(OSError):  # the client was quicker
                await self._socket.close(code=code, message=reason.encode())

    async def drain(self) -> None:
        """Wait until everything queued was handed to the operating system."""
        await self._drained.wait()

    async def _write(self) -> None:
        """Send what is queued, in order; the socket's own flow control makes this wait for a slow client."""
        try:
            while True:
                await self._filled.wait()
                self._filled.clear()
                while self._queue:
                    await self._socket.send_frame(self._queue[0], WSMsgType.TEXT)
                    self._queue.popleft()
                self._drained.set()
        except OSError:  # the client is gone; the reader is told so too
            return
        finally:
            self._drained.set()

    async def _attend(self) -> None:
        try:
            await self.dialogue.attend(self)
        except OSError:
            return

    async def _read(self) -> None:
        """Answer the client until the connection closes, by either side."""
        try:
            if not await self.dialogue.opened(self):
                return
            async for message in self._socket:
                self.heard_at = monotonic()
                if not await self.dialogue.heard(self, message):
                    return
        except OSError:  # the client is gone before its answer
            return
