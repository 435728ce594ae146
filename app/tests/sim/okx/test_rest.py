from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from marketprism.sim.server import Simulator
from tests.sim.conftest import Serve, inject

Ask = Callable[..., Awaitable[tuple[int, dict[str, Any]]]]


@asynccontextmanager
async def asking(simulator: Simulator) -> AsyncIterator[Ask]:
    async with aiohttp.ClientSession(f"http://127.0.0.1:{simulator.port}") as session:

        async def ask(path: str, **query: str) -> tuple[int, dict[str, Any]]:
            answer = await session.get(f"/api/v5/{path}", params=query)
            return answer.status, await answer.json()

        yield ask


async def test_instruments_are_listed_by_type(serve: Serve) -> None:
    async with serve() as simulator, asking(simulator) as ask:
        listed = [await ask("public/instruments", instType=kind) for kind in ("SPOT", "SWAP", "FUTURES")]
        one = await ask("public/instruments", instType="SWAP", instId="BTC-USD-SWAP")
    assert [[row["instId"] for row in body["data"]] for _, body in listed] == [
        ["BTC-USDT"],
        ["BTC-USDT-SWAP", "BTC-USD-SWAP"],
        [],
    ]
    assert (one[1]["code"], one[1]["data"][0]["ctVal"], one[1]["data"][0]["ctType"]) == ("0", "100", "inverse")


async def test_a_delisted_instrument_is_listed_no_more(serve: Serve) -> None:
    async with serve() as simulator, asking(simulator) as ask:
        inject(simulator, fault="delisted", venue="okx-swap", symbol="BTC-USD-SWAP")
        body = {"data": [{}, {}]}
        while len(body["data"]) > 1:
            _, body = await ask("public/instruments", instType="SWAP")
    assert [row["instId"] for row in body["data"]] == ["BTC-USDT-SWAP"]


async def test_the_time_is_the_venues_and_a_fault_shifts_it(serve: Serve) -> None:
    async with serve() as simulator, asking(simulator) as ask:
        _, right = await ask("public/time")
        inject(simulator, fault="clock-skew", venue="okx-spot", milliseconds=-60_000)
        _, skewed = await ask("public/time")
    difference = int(skewed["data"][0]["ts"]) - int(right["data"][0]["ts"])
    assert -60_000 <= difference < -55_000


@pytest.mark.parametrize(
    ("path", "query", "status", "code"),
    [
        ("public/instruments", {}, 400, "50014"),
        ("public/instruments", {"instType": "BONDS"}, 400, "51000"),
        ("public/instruments", {"instType": "SPOT", "instId": "NO-SUCH"}, 200, "51001"),
        ("market/history-trades", {"instId": "NO-SUCH"}, 200, "51001"),
    ],
)
async def test_a_request_for_nothing_is_refused_with_the_code_of_okx(
    serve: Serve, path: str, query: dict[str, str], status: int, code: str
) -> None:
    async with serve() as simulator, asking(simulator) as ask:
        answer = await ask(path, **query)
    assert (answer[0], answer[1]["code"], answer[1]["data"]) == (status, code, [])


async def test_the_limit_of_an_endpoint_is_its_own(serve: Serve) -> None:
    async with serve() as simulator, asking(simulator) as ask:
        times = [(await ask("public/time"))[0] for _ in range(11)]
        status, body = await ask("public/time")
        other = await ask("public/instruments", instType="SPOT")
    assert times == [200] * 10 + [429]
    assert (status, body["code"]) == (429, "50011")
    assert other[0] == 200


async def test_ratios_are_limited_per_instrument(serve: Serve) -> None:
    path = "rubik/stat/contracts/long-short-account-ratio-contract"
    async with serve() as simulator, asking(simulator) as ask:
        statuses = [(await ask(path, instId="BTC-USDT-SWAP"))[0] for _ in range(6)]
        other = await ask(path, instId="BTC-USD-SWAP")
    assert (statuses, other[0]) == ([200] * 5 + [429], 200)


@pytest.mark.parametrize(("fault", "status", "code"), [("rate-limited", 429, "50011"), ("limit-in-200", 200, "50011")])
async def test_a_refusal_for_too_many_requests_can_be_injected(
    serve: Serve, fault: str, status: int, code: str
) -> None:
    async with serve() as simulator, asking(simulator) as ask:
        inject(simulator, fault=fault, venue="okx-swap")
        refused = await ask("public/instruments", instType="SWAP")
        other = await ask("public/instruments", instType="SPOT")
    assert (refused[0], refused[1]["code"]) == (status, code)
    assert other[1]["code"] == "0"


@pytest.mark.parametrize(("fault", "status"), [("geo-blocked", 451), ("forbidden", 403)])
async def test_what_is_blocked_is_blocked_for_handshakes_too(serve: Serve, fault: str, status: int) -> None:
    async with serve() as simulator, aiohttp.ClientSession(f"http://127.0.0.1:{simulator.port}") as session:
        inject(simulator, fault=fault, venue="okx-swap")
        with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
            await session.ws_connect("/ws/v5/public")
        answer = await session.get("/api/v5/public/instruments", params={"instType": "SWAP"})
    assert (refusal.value.status, answer.status) == (status, status)
