"""One WebSocket to a venue: opened, read, watched and opened again, for ever, by one owner."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus, WebSocketException

from marketprism.collector.backoff import Backoff
from marketprism.collector.rest import BLOCKED_STATUSES, BLOCKED_WAIT_SECONDS, LIMITED_STATUSES, retry_after
from marketprism.telemetry import logs

OPEN_SECONDS = 10.0
CLOSE_SECONDS = 1.0
PING_SECONDS = 30.0
"""One ping in 30 s finds a half-open link within a minute, and is far from the five messages a second that the
strictest venue takes. The venue's own pings are answered by the library."""
MAX_FRAME_BYTES = 16 * 1024 * 1024
SOUND_SECONDS = 30.0
"""A connection that lasted this long was a success: the next attempt starts with the shortest wait again."""
ATTEMPTS_IN_A_ROW_LOGGED = 5
MAX_OUTGOING = 1000
"""Messages waiting to be sent, at most; books that start over ask for a few each."""

OnFrame = Callable[[bytes, int], Awaitable[None]]

_log = logs.get("session")


class Session:
    """One WebSocket. `run` owns it; the rest may be read by anybody.

    Args:
        name: For logs and metrics: ``binance-spot/market-data``.
        url: Where to connect, streams included.
        silence_seconds: An open connection that sends nothing for this long is given up: links exist that open,
            answer pings and deliver nothing.
        subscribe: Messages to send on every new connection, in order.
        messages_per_second: What the venue takes at most.
        on_frame: Takes each frame with the nanoseconds of its receipt; what it waits for holds the reading up.
        on_lost: Called when an open connection has ended.
    """

    def __init__(
        self,
        *,
        name: str,
        url: str,
        silence_seconds: float,
        on_frame: OnFrame,
        on_lost: Callable[[], None],
        subscribe: Sequence[bytes] = (),
        messages_per_second: float = 4.0,
    ) -> None:
        self.name = name
        self.is_open = False
        self.cause: str | None = "connecting"
        self.attempts = 0
        self.losses = 0
        self._url = url
        self._silence_seconds = silence_seconds
        self._on_frame = on_frame
        self._on_lost = on_lost
        self._subscribe = tuple(subscribe)
        self._pace_seconds = 1.0 / messages_per_second
        self._outgoing: asyncio.Queue[bytes] = asyncio.Queue(MAX_OUTGOING)
        self._backoff = Backoff()
        self._renew = False

    def send(self, message: bytes) -> None:
        """Send one message after those before it, at the venue's pace; a lost connection forgets what was not sent."""
        try:
            self._outgoing.put_nowait(message)
        except asyncio.QueueFull:
            _log.warning("too much to send", connection=self.name)
            self.renew()  # the new connection subscribes from the start

    def renew(self) -> None:
        """Open a new connection after the frame at hand: the venue has announced the end of this one."""
        self._renew = True

    async def run(self) -> None:
        """Keep the connection open until cancelled."""
        while True:
            self.attempts += 1
            opened: float | None = None
            wait: float | None = None
            try:
                async with self._connection() as connection:
                    opened = time.monotonic()
                    self._opened()
                    writing = asyncio.create_task(self._write(connection), name=f"{self.name} write")
                    try:
                        await self._read(connection)
                    finally:
                        writing.cancel()
                        await asyncio.gather(writing, return_exceptions=True)  # the reader tells of a lost connection
                    self.cause = "the venue announced its end"
            except asyncio.CancelledError:
                self.cause = "stopped"
                raise
            except TimeoutError:
                self.cause = f"silent for {self._silence_seconds:.0f} s" if self.is_open else "no answer"
            except InvalidStatus as error:
                wait = self._refused(error)
            except (OSError, WebSocketException) as error:
                self.cause = str(error) or type(error).__name__
            finally:
                if opened is not None:
                    self._lost(time.monotonic() - opened)
            await asyncio.sleep(self._pause(wait))

    def _connection(self) -> connect:
        return connect(
            self._url,
            open_timeout=OPEN_SECONDS,
            close_timeout=CLOSE_SECONDS,
            ping_interval=PING_SECONDS,
            ping_timeout=PING_SECONDS,
            max_size=MAX_FRAME_BYTES,
            compression=None,  # costs more time per frame than the link costs
        )

    async def _write(self, connection: ClientConnection) -> None:
        while True:
            message = await self._outgoing.get()
            await connection.send(message, text=True)
            await asyncio.sleep(self._pace_seconds)

    async def _read(self, connection: ClientConnection) -> None:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(self._silence_seconds) as silence:
            while not self._renew:
                frame = await connection.recv(decode=False)
                receive_ns = time.time_ns()
                silence.reschedule(None)  # waiting for our own publisher is no silence of the venue
                await self._on_frame(frame, receive_ns)
                silence.reschedule(loop.time() + self._silence_seconds)

    def _opened(self) -> None:
        self.is_open, self.cause, self._renew = True, None, False
        self._outgoing = asyncio.Queue(max(MAX_OUTGOING, len(self._subscribe)))
        for message in self._subscribe:
            self._outgoing.put_nowait(message)
        _log.info("connected", connection=self.name)

    def _lost(self, seconds: float) -> None:
        self.is_open = False
        self.losses += 1
        if self._renew or seconds >= SOUND_SECONDS:
            self._backoff.reset()
        _log.warning("connection lost", connection=self.name, cause=self.cause, after_seconds=round(seconds, 1))
        self._on_lost()

    def _refused(self, error: InvalidStatus) -> float | None:
        status = error.response.status_code
        if status in BLOCKED_STATUSES:
            self.cause = f"blocked by the venue (HTTP {status})"
            return BLOCKED_WAIT_SECONDS
        self.cause = f"refused with HTTP {status}"
        return retry_after(error.response.headers.get("Retry-After")) if status in LIMITED_STATUSES else None

    def _pause(self, wait: float | None) -> float:
        pause = wait if wait is not None else self._backoff.next(random.random())  # noqa: S311 - jitter is no secret
        if self._backoff.attempts <= ATTEMPTS_IN_A_ROW_LOGGED or wait is not None:
            _log.warning("connecting again", connection=self.name, cause=self.cause, wait_seconds=round(pause, 2))
        return pause
