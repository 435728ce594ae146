"""A connection to NATS that is replaced whenever it is lost.

The client's own reconnecting is off: it replays what its buffer happens to hold, gives up for good after a number of
tries, and closes on an authorization error. Here every loss leads to a new client, on which the work starts over.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import nats
import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg

from marketprism.errors import ConfigurationError
from marketprism.nats_login import NatsLogin
from marketprism.telemetry import logs

CONNECT_SECONDS = 5.0
RETRY_SECONDS = 0.5
CLOSE_SECONDS = 1.0
LOOK_SECONDS = 0.25
PING_SECONDS, PINGS_OUTSTANDING = 10, 1
"""A link that is half open is noticed after 20 s at most; the client's own default takes four minutes and more."""

_log = logs.get("nats")


class Connection:
    """Keeps one user connected.

    Args:
        login: The server and the user.
        answers: Subject that is subscribed to on every new connection.
        on_answer: Takes the messages that come there.
        work: Uses a connection; cancelled when that is lost, and called again with the next one.
    """

    def __init__(
        self,
        *,
        login: NatsLogin,
        answers: str,
        on_answer: Callable[[Msg], Awaitable[None]],
        work: Callable[[Client], Coroutine[Any, Any, None]],
    ) -> None:
        self.is_open = False
        self.cause: str | None = f"not connected to {login.url} yet"
        """Why there is no connection, or what is wrong with the one there is; None when all is well."""
        self._login = login
        self._url, self._user = login.url, login.user
        self._answers = answers
        self._on_answer = on_answer
        self._work = work
        self._first = asyncio.Event()
        self._rejected: ConfigurationError | None = None

    async def wait_open(self) -> None:
        """Wait for the first connection.

        Raises:
            ConfigurationError: The server refuses the user.
        """
        await self._first.wait()
        if self._rejected is not None:
            raise self._rejected

    async def run(self) -> None:
        """Connect, work, and connect again, until cancelled."""
        task = asyncio.current_task()
        while task is not None and not task.cancelling():  # the client swallows a cancellation now and then
            lost = asyncio.Event()
            try:
                client = await self._connect(lost)
            except (OSError, nats.errors.Error, TimeoutError) as error:
                self._failed(error)
                await asyncio.sleep(0 if task.cancelling() else RETRY_SECONDS)
                continue
            _log.info("connected", server=self._url)
            self.is_open, self.cause, self._rejected = True, None, None
            self._first.set()
            try:
                if not task.cancelling():
                    await self._work_until_lost(client, lost)
            finally:
                self.is_open, self.cause = False, f"NATS at {self._url} is away"
                await _close(client)
            _log.warning("connection lost", server=self._url)
        raise asyncio.CancelledError

    async def _work_until_lost(self, client: Client, lost: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as tasks:
            work = tasks.create_task(self._work(client), name="nats work")
            while client.is_connected and not lost.is_set():
                # Looks itself too: the client does not tell when its own closing fails, or never ends.
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_SECONDS):
                        await lost.wait()
            work.cancel()

    async def _connect(self, lost: asyncio.Event) -> Client:
        failures: list[Exception] = []

        async def on_error(error: Exception) -> None:
            failures[:] = [error]
            if "permissions violation" in str(error):
                self.cause = f"{error}; the user {self._user!r} lacks a right that the contract gives it"
                _log.error("not permitted", error=str(error))

        async def on_close() -> None:
            lost.set()

        client = self._login.client()
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await client.connect(
                    **self._login.options(),
                    allow_reconnect=False,
                    max_reconnect_attempts=1,
                    reconnect_time_wait=0,  # the pauses are ours
                    ping_interval=PING_SECONDS,
                    max_outstanding_pings=PINGS_OUTSTANDING,
                    error_cb=on_error,
                    closed_cb=on_close,
                    disconnected_cb=on_close,
                )
                await client.subscribe(self._answers, cb=self._on_answer)
                await client.flush()
        except nats.errors.NoServersError as error:  # says nothing about why
            await _close(client)
            raise (failures[0] if failures else error) from None
        except BaseException:
            await _close(client)
            raise
        return client

    def _failed(self, error: Exception) -> None:
        before = self.cause
        if "authorization" in str(error).lower():
            self.cause = f"NATS at {self._url} refuses the user {self._user!r}"
            if not self._first.is_set():
                self._rejected = ConfigurationError(
                    self.cause, remedy=f"deploy again, or correct the credential nats-{self._user}"
                )
                self._first.set()
        else:
            self.cause = f"NATS at {self._url} is away ({str(error) or type(error).__name__})"
        if self.cause != before:
            _log.warning("not connected", cause=self.cause)


async def _close(client: Client) -> None:
    for task in (client._reading_task, client._flusher_task, client._ping_interval_task):
        if task is not None:  # nobody else reads how they ended, and asyncio would complain about that
            task.add_done_callback(_read_outcome)
    try:
        async with asyncio.timeout(CLOSE_SECONDS):
            await client.close()
    except (TimeoutError, OSError, nats.errors.Error, AssertionError) as error:
        _log.debug("connection not closed cleanly", error=str(error))


def _read_outcome(task: "asyncio.Task[None]") -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.debug("the client's task failed", task=task.get_name(), error=str(error))
