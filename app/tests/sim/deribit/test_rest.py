from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import aiohttp
import pytest

from marketprism.sim.deribit.rules import Credits
from marketprism.sim.server import Simulator
from tests.sim.conftest import Serve, inject

from .conftest import GENEROUS

Ask = Callable[..., Awaitable[tuple[int, dict[str, Any]]]]


@asynccontextmanager
async def asking(simulator: Simulator) -> AsyncIterator[Ask]:
    async with aiohttp.ClientSession(f"http://127.0.0.1:{simulator.port}") as session:

        async def ask(method: str, **query: str | int) -> tuple[int, dict[str, Any]]:
            answer = await session.get(f"/api/v2/public/{method}", params=query)
            return answer.status, await answer.json()

        yield ask


async def test_an_answer_is_that_of_json_rpc_without_an_id(serve: Serve) -> None:
    async with serve() as simulator, asking(simulator) as ask:
        status, body = await ask("get_time")
    assert status == 200
    assert set(body) == {"jsonrpc", "result", "usIn", "usOut", "usDiff", "testnet"}
    assert body["result"] * 1000 <= int(body["usOut"]) + 1000


@pytest.mark.parametrize(
    ("method", "code"), [("no_such", -32_601), ("get_instruments", -32_602), ("set_heartbeat", -32_601)]
)
async def test_a_wrong_call_is_a_bad_request(serve: Serve, method: str, code: int) -> None:
    async with serve() as simulator, asking(simulator) as ask:
        status, body = await ask(method)
    assert (status, body["error"]["code"]) == (400, code)


async def test_credits_are_spent_over_http_as_well(serve: Serve) -> None:
    rules = replace(GENEROUS, default=Credits(500, 1_000, 1))
    async with serve(rules) as simulator, asking(simulator) as ask:
        answers = [await ask("get_time") for _ in range(3)]
    assert [status for status, _ in answers] == [200, 200, 429]
    assert answers[2][1]["error"] == {"message": "too_many_requests", "code": 10_028}


async def test_a_refusal_for_too_many_requests_can_be_injected(serve: Serve) -> None:
    async with serve() as simulator, asking(simulator) as ask:
        inject(simulator, fault="rate-limited", venue="deribit", count=1)
        answers = [await ask("get_time") for _ in range(2)]
    assert [(status, body.get("error", {}).get("code")) for status, body in answers] == [(429, 10_028), (200, None)]


@pytest.mark.parametrize(("fault", "status"), [("geo-blocked", 451), ("forbidden", 403)])
async def test_what_is_blocked_is_blocked_for_handshakes_too(serve: Serve, fault: str, status: int) -> None:
    async with serve() as simulator, aiohttp.ClientSession(f"http://127.0.0.1:{simulator.port}") as session:
        inject(simulator, fault=fault, venue="deribit")
        with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
            await session.ws_connect("/ws/api/v2")
        answer = await session.get("/api/v2/public/get_time")
    assert (refusal.value.status, answer.status) == (status, status)
