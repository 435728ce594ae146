"""A running simulator that serves OKX, with limits that a test can scale."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from marketprism.sim.instruments import MarketKind
from marketprism.sim.okx.rules import OkxRules
from marketprism.sim.okx.venue import Okx
from marketprism.sim.server import Simulator
from marketprism.sim.settings import SimSettings
from marketprism.sim.venue import Venue
from tests.sim.conftest import Frame, Serve, receive

SYMBOLS = ("BTC-USDT", "BTC-USD")
QUICK = OkxRules(connections_per_second=100, funding_seconds=1)


@contextlib.asynccontextmanager
async def running(settings: SimSettings, venues: Sequence[Venue]) -> AsyncIterator[Simulator]:
    simulator = Simulator(settings, venues)
    stop, ready = asyncio.Event(), asyncio.Event()
    task = asyncio.create_task(simulator.serve(stop, ready.set))
    async with asyncio.timeout(5):
        await ready.wait()
    try:
        yield simulator
    finally:
        stop.set()
        async with asyncio.timeout(5):
            await task


@pytest.fixture
def serve() -> Serve:
    def start(rules: OkxRules = QUICK, **changes: Any) -> contextlib.AbstractAsyncContextManager[Simulator]:
        chosen: dict[str, Any] = {"markets": (MarketKind.OKX_SPOT, MarketKind.OKX_SWAP), "symbols": SYMBOLS, **changes}
        return running(SimSettings(port=0, rate=60, **chosen), [Okx(rules)])

    return start


def subscription(*args: tuple[str, str], op: str = "subscribe") -> str:
    """The text of a request, given channels and what they are about."""
    named = [f'{{"channel":"{channel}","{_key(channel)}":"{about}"}}' for channel, about in args]
    return f'{{"op":"{op}","args":[{",".join(named)}]}}'


def _key(channel: str) -> str:
    return "instType" if channel == "liquidation-orders" else "instId"


async def receive_rows(client: Any, channel: str, count: int) -> list[Frame]:
    """The next so many data frames of a channel."""
    frames: list[Frame] = []
    while len(frames) < count:
        frame = await receive(client)
        if "data" in frame and frame["arg"]["channel"] == channel:
            frames.append(frame)
    return frames
