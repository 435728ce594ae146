"""The connection against a server of a few lines; the real one is in tests/integration/test_collector_publisher.py."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from marketprism.collector import connection
from marketprism.collector.connection import Connection
from marketprism.errors import ConfigurationError
from marketprism.nats_login import NatsLogin
from marketprism.nkey import NKey
from tests.collector.waiting import until

INFO = b'INFO {"server_id":"x","version":"2.15.1","max_payload":1048576,"headers":true,"auth_required":true}\r\n'


class Server:
    """Speaks as much NATS as a client needs to be connected."""

    def __init__(self, *, refuse: bool = False) -> None:
        self.refuse = refuse
        self.peers: list[asyncio.StreamWriter] = []
        self.accepted = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        self.peers.append(writer)
        writer.write(INFO)
        with contextlib.suppress(ConnectionError):
            while line := await reader.readline():
                if line.startswith(b"PING"):
                    writer.write(b"-ERR 'Authorization Violation'\r\n" if self.refuse else b"PONG\r\n")
        writer.close()

    def say(self, text: bytes) -> None:
        self.peers[-1].write(text)

    def hang_up(self) -> None:
        self.peers[-1].close()


class Worker:
    """A user of connections that notes what happens to it."""

    def __init__(self) -> None:
        self.clients: list[Client] = []
        self.cancelled = 0

    async def work(self, client: Client) -> None:
        self.clients.append(client)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise

    async def on_answer(self, _message: Msg) -> None: ...


@asynccontextmanager
async def connected(server: Server) -> AsyncIterator[tuple[Connection, Worker]]:
    worker = Worker()
    async with await asyncio.start_server(server, "127.0.0.1", 0) as listener:
        port = listener.sockets[0].getsockname()[1]
        made = Connection(
            login=NatsLogin(f"nats://127.0.0.1:{port}", "collector", NKey.generate()),
            answers="_INBOX.collector.x.>",
            on_answer=worker.on_answer,
            work=worker.work,
        )
        task = asyncio.create_task(made.run())
        try:
            yield made, worker
        finally:
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task


async def test_every_loss_ends_the_work_and_a_new_client_starts_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "RETRY_SECONDS", 0.01)
    server = Server()
    async with connected(server) as (made, worker):
        await made.wait_open()
        await until(lambda: worker.clients)
        server.hang_up()
        await until(lambda: len(worker.clients) == 2)
        assert worker.cancelled == 1
        assert worker.clients[0] is not worker.clients[1]
        assert (made.is_open, made.cause) == (True, None)


async def test_a_refused_user_is_a_configuration_error_and_is_tried_again_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connection, "RETRY_SECONDS", 0.01)
    server = Server(refuse=True)
    async with connected(server) as (made, _):
        with pytest.raises(ConfigurationError, match="refuses the user 'collector'"):
            await made.wait_open()
        server.refuse = False
        await until(lambda: made.is_open)
        await made.wait_open()


async def test_a_missing_right_is_named_while_the_connection_stays() -> None:
    server = Server()
    async with connected(server) as (made, _):
        await made.wait_open()
        server.say(b"-ERR 'Permissions Violation for Publish to \"trade.x\"'\r\n")
        await until(lambda: made.cause)
        assert made.is_open
        assert made.cause is not None
        assert "the user 'collector' lacks a right that the contract gives it" in made.cause


async def test_a_server_that_accepts_and_says_nothing_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "CONNECT_SECONDS", 0.1)

    class Mute(Server):
        async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.accepted += 1
            await reader.read()
            writer.close()

    async with connected(Mute()) as (made, _):
        await until(lambda: made.cause is not None and made.cause.endswith("is away (TimeoutError)"))


async def test_a_cancellation_that_the_client_swallows_still_ends_the_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """On Python 3.11 `wait_for` drops a cancellation that meets the end of what it waits for."""

    class Swallowing(Client):
        async def connect(self, *_args: object, **_options: object) -> None:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.Event().wait()
            raise ConnectionRefusedError

    monkeypatch.setattr(NatsLogin, "client", lambda _self: Swallowing())
    worker = Worker()
    made = Connection(
        login=NatsLogin("nats://127.0.0.1:1", "collector", NKey.generate()),
        answers="a.>",
        on_answer=worker.on_answer,
        work=worker.work,
    )
    task = asyncio.create_task(made.run())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        async with asyncio.timeout(5):
            await task
