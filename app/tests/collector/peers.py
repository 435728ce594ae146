"""WebSocket servers that do what a test says, and sessions that keep what came from them.

A frame is the number of a trade, or a word: ``end`` announces the connection's end, ``test?`` wants an answer.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from websockets.asyncio.server import Server, ServerConnection, serve

from marketprism.collector.allowance import Places
from marketprism.collector.budget import AttemptBudget
from marketprism.collector.dialing import Dialing
from marketprism.collector.link import Link
from marketprism.collector.session import Session, Traffic
from marketprism.collector.state import VenueState
from marketprism.venues.protocol import Connection, Notice, NoticeKind, Observed, Send, VenueEvent
from tests.collector.events import instrument, trade

Handler = Callable[[ServerConnection], Awaitable[None]]
ANY_PORT = 0
CONNECTION = Connection("one", "/stream", max_messages_per_second=1000)


def understand(frame: bytes) -> list[VenueEvent]:
    match frame:
        case b"end":
            return [Notice(NoticeKind.ENDING, "soon")]
        case b"test?":
            return [Send(b"test!")]
        case b"ack" | b"pong":
            return [Notice(NoticeKind.ACKNOWLEDGED, "")]
        case _:
            return [Observed("trade", instrument(), trade(int(frame)))]


class Client:
    """A session whose trades and losses are kept."""

    def __init__(self, port: int, connection: Connection = CONNECTION, **dialing: Any) -> None:
        self.trades: list[int] = []
        self.times: list[int] = []
        self.lost = 0
        self.hold = asyncio.Event()
        self.hold.set()
        self.state = VenueState("test")
        self.state.started()
        host = dialing.pop("host", "127.0.0.1")
        how = Dialing(
            proxy=None,
            attempts=AttemptBudget(10_000, 1),
            places=Places(10),
            state=self.state,
            first_wait_seconds=0.1,
        )
        self.session = Session(
            "test/one",
            f"ws://{host}:{port}/stream?streams=a",
            connection,
            replace(how, **dialing),
            Traffic(self._understand, self._take, self._lost),
        )

    def _understand(self, frame: bytes, receive_ns: int) -> list[VenueEvent]:
        self.times.append(receive_ns)
        return understand(frame)

    async def _take(self, link: Link, events: Iterable[VenueEvent]) -> None:
        for event in events:
            match event:
                case Observed():
                    self.trades.append(event.event.trade_id)
                case Send():
                    link.send(event.message)
                case Notice(kind=NoticeKind.ENDING):
                    self.session.announced_end(link)
        await self.hold.wait()

    def _lost(self) -> None:
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
async def venue(handler: Handler, port: int = ANY_PORT, **options: Any) -> AsyncIterator[int]:
    server: Server
    async with serve(handler, "127.0.0.1", port, **options) as server:
        yield next(iter(server.sockets)).getsockname()[1]


async def stay(connection: ServerConnection) -> None:
    await connection.wait_closed()
