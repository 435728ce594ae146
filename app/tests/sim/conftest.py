"""A running simulator on a free loopback port, and a real WebSocket client for it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any, TypeAlias

import aiohttp
import msgspec
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from marketprism.sim.binance.venue import Binance
from marketprism.sim.injection import Fault, order
from marketprism.sim.instruments import MarketKind
from marketprism.sim.server import Simulator
from marketprism.sim.settings import SimSettings

Frame: TypeAlias = dict[str, Any]
Serve: TypeAlias = Callable[..., contextlib.AbstractAsyncContextManager[Simulator]]


@contextlib.asynccontextmanager
async def serving(settings: SimSettings, *, rules: Any = None, **changes: Any) -> AsyncIterator[Simulator]:
    simulator = Simulator(replace(settings, **changes), [Binance(rules=rules)] if rules else None)
    stop, ready = asyncio.Event(), asyncio.Event()
    task = asyncio.create_task(simulator.serve(stop, ready.set))
    waiter = asyncio.create_task(ready.wait())
    try:
        await asyncio.wait({task, waiter}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
        yield simulator
    finally:
        waiter.cancel()
        stop.set()
        async with asyncio.timeout(5):
            await task


@pytest.fixture
def settings() -> SimSettings:
    return SimSettings(port=0, rate=60, stale_every=0, markets=(MarketKind.BINANCE_SPOT, MarketKind.BINANCE_USDM))


@pytest.fixture
def serve(settings: SimSettings) -> Serve:
    return lambda **changes: serving(settings, **changes)


def inject(simulator: Simulator, **fields: Any) -> Fault:
    return simulator.inject(order(fields))


def socket(simulator: Simulator, path: str, **options: Any) -> connect:
    """An unbounded receive queue, or a test that does not read would make the client miss even the close frame."""
    options = {"max_queue": None, **options}
    return connect(f"ws://127.0.0.1:{simulator.port}{path}", proxy=None, compression=None, **options)


async def get(simulator: Simulator, path: str) -> tuple[int, Any]:
    async with aiohttp.ClientSession(f"http://127.0.0.1:{simulator.port}") as session, session.get(path) as answer:
        return answer.status, await answer.json()


async def receive(client: ClientConnection) -> Frame:
    async with asyncio.timeout(5):
        frame: Frame = msgspec.json.decode(await client.recv())
        return frame


async def receive_rest(client: ClientConnection) -> list[Frame]:
    """Everything up to the close of the connection."""
    frames: list[Frame] = []
    with contextlib.suppress(ConnectionClosed):
        while True:
            frames.append(await receive(client))
    return frames


async def receive_many(client: ClientConnection, seconds: float) -> list[Frame]:
    frames: list[Frame] = []
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while True:
                frames.append(msgspec.json.decode(await client.recv()))
    return frames
