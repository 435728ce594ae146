"""A running simulator that serves Deribit, with limits that a test can scale."""

import contextlib
from typing import Any

import msgspec
import pytest

from marketprism.sim.deribit.rules import Credits, DeribitRules
from marketprism.sim.deribit.venue import Deribit
from marketprism.sim.instruments import MarketKind
from marketprism.sim.server import Simulator
from marketprism.sim.settings import SimSettings
from tests.sim.conftest import Frame, Serve, receive
from tests.sim.okx.conftest import running

SYMBOLS = ("BTC-USD", "ETH-USD", "SOL-USDC")
PATH = "/ws/api/v2"
GENEROUS = DeribitRules(special={}, default=Credits(1, 1_000_000, 1_000_000))


@pytest.fixture
def serve() -> Serve:
    def start(rules: DeribitRules = GENEROUS, **changes: Any) -> contextlib.AbstractAsyncContextManager[Simulator]:
        chosen: dict[str, Any] = {"markets": (MarketKind.DERIBIT,), "symbols": SYMBOLS, **changes}
        return running(SimSettings(port=0, rate=60, **chosen), [Deribit(rules)])

    return start


def call(method: str, request_id: int = 1, **params: Any) -> str:
    body = {"jsonrpc": "2.0", "id": request_id, "method": f"public/{method}", "params": params}
    return msgspec.json.encode(body).decode()


def subscribe(*channels: str) -> str:
    return call("subscribe", channels=channels)


async def answered(client: Any) -> Frame:
    """The next answer; notifications before it are left out."""
    while "id" not in (frame := await receive(client)):
        pass
    return frame


async def receive_data(client: Any, channel: str, count: int) -> list[Any]:
    """The data of the next so many notifications of a channel."""
    found: list[Any] = []
    while len(found) < count:
        frame = await receive(client)
        if frame.get("method") == "subscription" and frame["params"]["channel"] == channel:
            found.append(frame["params"]["data"])
    return found
