"""The connection to NATS: it returns by itself for ever, and everything that was asked over it ends when it breaks."""

import asyncio
from collections.abc import Callable

import nats.errors

from marketprism.errors import UnavailableError
from marketprism.nats_login import NatsLogin
from marketprism.settings import Settings
from marketprism.telemetry import logs

USER = "storage"
_log = logs.get("storage.nats")


class Link:
    """One NATS connection as the storage user.

    Attributes:
        client: The client; `connect` has to succeed first.
    """

    def __init__(self, settings: Settings) -> None:
        self._login = NatsLogin.of(settings, USER)
        self._broken: list[Callable[[str], None]] = []
        self._away = False
        self._closing = False
        self._changed = asyncio.Event()
        self.client = self._login.client()

    async def connect(self) -> None:
        """Connect, however long that takes; cancelling it is safe."""
        await self.client.connect(
            **self._login.options(),
            connect_timeout=5,
            reconnect_time_wait=1,
            max_reconnect_attempts=-1,
            ping_interval=10,  # a half-open connection is noticed in 20 s instead of minutes
            max_outstanding_pings=2,
            error_cb=self._on_error,
            disconnected_cb=self._on_disconnect,
            reconnected_cb=self._on_reconnect,
            closed_cb=self._on_close,
        )
        self._away = False
        self._changed.set()

    @property
    def is_connected(self) -> bool:
        """Whether the server can be asked now."""
        return self.client.is_connected

    def require_open(self) -> None:
        """Raise when the client has given up, as it does when the server refuses its key.

        Raises:
            UnavailableError: The process has to start again, with the credentials of now.
        """
        if self.client.is_closed and not self._closing:
            raise UnavailableError(
                f"NATS at {self._login.url} closed the connection for good: {self.client.last_error}",
                remedy="check the user 'storage' in nats-server.conf and its credential",
            )

    async def wait_until_connected(self) -> None:
        """Wait for the connection.

        Raises:
            UnavailableError: The server refuses us for good.
        """
        await self._changed.wait()
        self.require_open()

    def when_broken(self, callback: Callable[[str], None]) -> None:
        """Call back with the reason whenever the connection breaks."""
        self._broken.append(callback)

    async def close(self) -> None:
        """Disconnect for good."""
        self._closing = True
        if not self.client.is_closed:
            await self.client.close()

    async def _on_error(self, error: Exception) -> None:
        # Every attempt to reconnect ends here; the first of an outage says it all.
        if not self._away or not isinstance(error, OSError | nats.errors.Error | TimeoutError):
            _log.warning("nats error", url=self._login.url, error=f"{type(error).__name__}: {error}")
        self._away = self._away or not self.client.is_connected

    async def _on_disconnect(self) -> None:
        if not self._closing and not self._away:
            _log.warning("nats disconnected", url=self._login.url)
        self._away = True
        self._changed.clear()
        self._break("NATS disconnected")

    async def _on_reconnect(self) -> None:
        _log.info("nats reconnected", url=self._login.url)
        self._away = False
        self._changed.set()

    async def _on_close(self) -> None:
        self._changed.set()
        self._break("NATS closed the connection")

    def _break(self, reason: str) -> None:
        for callback in self._broken:
            callback(reason)
