"""One WebSocket from its opening to its end."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus, WebSocketException

from marketprism.venues.protocol import Connection, VenueEvent

OPEN_SECONDS = 10.0
CLOSE_SECONDS = 1.0
PING_SECONDS = 30.0
"""One ping in 30 s finds a half-open link within a minute, and is far from the five messages a second that the
strictest venue takes. The venue's own pings are answered by the library."""
ANSWER_SECONDS = 8.0
"""Longest wait for the answer to a ping of the venue's own kind: with 20 s before it, still below OKX's 30."""
HELD_UP_SECONDS = 1.0
"""A frame that took longer waited for us, and what the venue sent meanwhile may be yet to come."""
MAX_FRAME_BYTES = 16 * 1024 * 1024
MAX_OUTGOING = 1000
"""Messages waiting to be sent, at most; books that start over ask for a few each."""


class Link:
    """One WebSocket. `run` owns it; the session that made it tells it what to do.

    What it receives is held back until the session lets it through: two links of one session must not mix.

    Args:
        url: Where to connect.
        connection: What to send, and how fast.
        proxy: Through which proxy; None goes directly.
        on_frame: Takes each frame with the nanoseconds of its receipt; what it waits for holds the reading up.
        on_change: Called when the link was opened, subscribed or ended.
    """

    def __init__(
        self,
        url: str,
        connection: Connection,
        proxy: str | None,
        *,
        on_frame: Callable[["Link", bytes, int], Awaitable[None]],
        on_change: Callable[[], None],
    ) -> None:
        self.cause: str | None = None
        """Why it ended, or was not opened."""
        self.refusal: InvalidStatus | None = None
        """The venue's answer instead of a WebSocket."""
        self.ended = False
        self.opened_at: float | None = None
        self.subscribed_at: float | None = None
        """When the last message of the subscription was sent."""
        self.heard_at = 0.0
        self.listening_since = 0.0
        """Since when what comes is taken without a wait of ours."""
        self.held: deque[list[VenueEvent]] = deque()
        """What frames hold that is not let through yet."""
        self.held_bytes = 0
        """Of the frames that were held back."""
        self.delivers = False
        """Whether data has come, while it was held back."""
        self.released = asyncio.Event()
        """Set once nothing is held back any more."""
        self._url = url
        self._connection = connection
        self._proxy = proxy
        self._on_frame = on_frame
        self._on_change = on_change
        self._socket: ClientConnection | None = None
        self._outgoing: asyncio.Queue[bytes] = asyncio.Queue(max(MAX_OUTGOING, len(connection.subscribe)))
        self._idle = asyncio.Event()

    @property
    def is_held_up(self) -> bool:
        """Whether what came has to wait for us. With room in the publisher nobody ever sees that."""
        return not (self.released.is_set() and self._idle.is_set())

    def release(self) -> None:
        """Let through what comes from now on."""
        self.released.set()
        self.listening_since = time.monotonic()

    def send(self, message: bytes) -> bool:
        """Send one message after those before it, at the venue's pace; false when too much waits already."""
        try:
            self._outgoing.put_nowait(message)
        except asyncio.QueueFull:
            return False
        return True

    async def run(self) -> None:
        """Open the connection, subscribe, and read until it ends. Cancelling closes it."""
        try:
            async with self._connect() as socket:
                self._socket = socket
                self.opened_at = self.heard_at = time.monotonic()
                self._on_change()
                await self._converse(socket)
        except TimeoutError:
            self.cause = "no answer"
        except InvalidStatus as error:
            self.cause, self.refusal = f"refused with HTTP {error.response.status_code}", error
        except (OSError, WebSocketException) as error:
            self.cause = self.cause or str(error) or type(error).__name__
        finally:
            self.ended = True
            self._on_change()

    async def close(self, cause: str) -> None:
        """Say goodbye once everything received has been taken; the reading ends with what is under way."""
        self.cause = cause
        while not self.ended and not self._idle.is_set():
            await self._idle.wait()
        if self._socket is not None:
            await self._socket.close()

    def _connect(self) -> connect:
        return connect(
            self._url,
            proxy=self._proxy,
            open_timeout=OPEN_SECONDS,
            close_timeout=CLOSE_SECONDS,
            ping_interval=PING_SECONDS,
            ping_timeout=PING_SECONDS,
            max_size=MAX_FRAME_BYTES,
            compression=None,  # costs more time per frame than the link costs
        )

    async def _converse(self, socket: ClientConnection) -> None:
        tasks = [asyncio.create_task(self._write(socket), name=f"{self._connection.name} write")]
        if self._connection.ping is not None:
            tasks.append(asyncio.create_task(self._ping(socket), name=f"{self._connection.name} ping"))
        try:
            await self._read(socket)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)  # the reader tells of a lost connection

    async def _read(self, socket: ClientConnection) -> None:
        while True:
            self._idle.set()
            frame = await socket.recv(decode=False)
            receive_ns = time.time_ns()
            self._idle.clear()
            self.heard_at = time.monotonic()
            await self._on_frame(self, frame, receive_ns)
            now = time.monotonic()
            if now - self.heard_at > HELD_UP_SECONDS:
                self.listening_since = now

    async def _write(self, socket: ClientConnection) -> None:
        pace_seconds = 1.0 / self._connection.max_messages_per_second
        for message in self._connection.subscribe:
            await socket.send(message, text=True)
            await asyncio.sleep(pace_seconds)
        self.subscribed_at = time.monotonic()
        self._on_change()
        while True:
            message = await self._outgoing.get()
            await socket.send(message, text=True)
            await asyncio.sleep(pace_seconds)

    async def _ping(self, socket: ClientConnection) -> None:
        """Ask for a sign of life after silence; waiting for our own publisher is no silence of the venue."""
        while True:
            quiet = time.monotonic() - self.heard_at if self._idle.is_set() else 0.0
            if quiet < self._connection.ping_seconds:
                await asyncio.sleep(self._connection.ping_seconds - quiet)
                continue
            assert self._connection.ping is not None, "nobody pings without a text"
            asked_at = time.monotonic()
            self.send(self._connection.ping)
            await asyncio.sleep(ANSWER_SECONDS)
            if self._idle.is_set() and self.heard_at < asked_at:
                self.cause = f"silent for {self._connection.ping_seconds + ANSWER_SECONDS:.0f} s, pings unanswered"
                await socket.close()
