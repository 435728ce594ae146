import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus

import pytest
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.http11 import Request, Response

from marketprism.collector.session import Session
from tests.collector.waiting import until

Handler = Callable[[ServerConnection], Awaitable[None]]
ANY_PORT = 0


class Client:
    """A session whose frames and losses are kept."""

    def __init__(self, port: int, *, silence_seconds: float = 5.0) -> None:
        self.frames: list[tuple[bytes, int]] = []
        self.lost = 0
        self.hold = asyncio.Event()
        self.hold.set()
        self.session = Session(
            name="test/one",
            url=f"ws://127.0.0.1:{port}/stream?streams=a",
            silence_seconds=silence_seconds,
            on_frame=self._on_frame,
            on_lost=self._on_lost,
        )

    async def _on_frame(self, frame: bytes, receive_ns: int) -> None:
        self.frames.append((frame, receive_ns))
        if frame == b"end":
            self.session.renew()
        await self.hold.wait()

    def _on_lost(self) -> None:
        self.lost += 1


@asynccontextmanager
async def running(client: Client) -> AsyncIterator[Client]:
    task = asyncio.create_task(client.session.run())
    try:
        yield client
    finally:
        client.hold.set()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


@asynccontextmanager
async def venue(handler: Handler, port: int = ANY_PORT, **options: object) -> AsyncIterator[int]:
    server: Server
    async with serve(handler, "127.0.0.1", port, **options) as server:  # type: ignore[arg-type]
        yield next(iter(server.sockets)).getsockname()[1]


async def stay(connection: ServerConnection) -> None:
    await connection.wait_closed()


async def test_frames_arrive_as_bytes_with_the_time_of_receipt() -> None:
    async def speak(connection: ServerConnection) -> None:
        await connection.send('{"stream":"a"}')
        await stay(connection)

    before = time.time_ns()
    async with venue(speak) as port, running(Client(port)) as client:
        await until(lambda: client.frames)
        frame, receive_ns = client.frames[0]
    assert frame == b'{"stream":"a"}'
    assert before <= receive_ns <= time.time_ns()


async def test_a_connection_that_ends_is_opened_again_and_its_loss_is_told() -> None:
    async def hang_up(connection: ServerConnection) -> None:
        await connection.send("frame")

    async with venue(hang_up) as port, running(Client(port)) as client:
        await until(lambda: len(client.frames) >= 3)
        assert client.lost >= 2
        assert client.session.losses == client.lost


async def test_an_announced_end_leads_to_a_new_connection_without_waiting_for_it() -> None:
    opened = []

    async def announce(connection: ServerConnection) -> None:
        opened.append(connection)
        await connection.send("end" if len(opened) == 1 else "frame")
        await stay(connection)

    async with venue(announce) as port, running(Client(port)) as client:
        await until(lambda: len(client.frames) == 2)
        assert client.session.is_open
        assert client.lost == 1


async def test_silence_ends_a_connection() -> None:
    async with venue(stay) as port, running(Client(port, silence_seconds=0.1)) as client:
        await until(lambda: client.lost >= 1)
        await until(lambda: client.session.cause == "silent for 0 s")


async def test_waiting_for_our_own_publisher_is_no_silence() -> None:
    async def speak(connection: ServerConnection) -> None:
        await connection.send("first")
        await connection.send("second")
        await stay(connection)

    async with venue(speak) as port, running(Client(port, silence_seconds=0.2)) as client:
        client.hold.clear()
        await until(lambda: client.frames)
        await asyncio.sleep(0.5)  # twice and a half the limit
        assert client.lost == 0
        client.hold.set()
        await until(lambda: len(client.frames) == 2)


@pytest.mark.parametrize(
    ("status", "cause"),
    [
        (HTTPStatus.UNAVAILABLE_FOR_LEGAL_REASONS, "blocked by the venue (HTTP 451)"),
        (HTTPStatus.FORBIDDEN, "blocked by the venue (HTTP 403)"),
        (HTTPStatus.TOO_MANY_REQUESTS, "refused with HTTP 429"),
    ],
)
async def test_a_refused_handshake_is_named_and_not_repeated_soon(status: HTTPStatus, cause: str) -> None:
    asked = []

    def refuse(connection: ServerConnection, request: Request) -> Response:
        asked.append(request.path)
        return connection.respond(status, "no")

    async with venue(stay, process_request=refuse) as port, running(Client(port)) as client:
        await until(lambda: client.session.cause == cause)
        await asyncio.sleep(0.6)  # the first ordinary waits are shorter
        assert asked == ["/stream?streams=a"]
        assert client.lost == 0, "what never opened is not lost"


async def test_a_venue_that_comes_up_later_is_found() -> None:
    async with venue(stay) as port:
        pass
    async with running(Client(port)) as client:
        await until(lambda: client.session.attempts >= 2)
        async with venue(stay, port):
            await until(lambda: client.session.is_open)
            assert client.session.cause is None


async def test_a_bug_in_the_handler_ends_the_session_instead_of_a_reconnect() -> None:
    async def speak(connection: ServerConnection) -> None:
        await connection.send("frame")
        await stay(connection)

    async def broken(_frame: bytes, _receive_ns: int) -> None:
        raise KeyError("bug")

    async with venue(speak) as port:
        session = Session(
            name="x", url=f"ws://127.0.0.1:{port}/", silence_seconds=5, on_frame=broken, on_lost=lambda: None
        )
        with pytest.raises(KeyError, match="bug"):
            await session.run()
