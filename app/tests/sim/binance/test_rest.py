import asyncio
from typing import Any

import aiohttp

from tests.sim.conftest import Serve, inject, receive, socket


async def test_weights_add_up_and_the_two_products_have_budgets_of_their_own(get: Any) -> None:
    await get("/spot/api/v3/time")
    assert (await get("/spot/api/v3/depth?symbol=BTCUSDT"))[2] in {5, 6}  # 5 when a minute began in between
    assert (await get("/usdm/fapi/v1/time"))[2] == 1


async def test_a_spent_budget_is_answered_429_with_retry_after(serve: Serve) -> None:
    async with serve() as simulator, aiohttp.ClientSession(f"http://127.0.0.1:{simulator.port}") as session:
        statuses = set()
        for _ in range(60):
            async with session.get("/spot/api/v3/depth?symbol=BTCUSDT&limit=5000") as answer:
                statuses.add(answer.status)
                body = await answer.json()
                if answer.status == 429:
                    break
        assert 1 <= int(answer.headers["Retry-After"]) <= 60
        assert body["code"] == -1003
    assert statuses == {200, 429}


async def test_a_request_that_a_fault_refuses_costs_weight(serve: Serve) -> None:
    async with serve() as simulator, aiohttp.ClientSession(f"http://127.0.0.1:{simulator.port}") as session:
        inject(simulator, fault="bad-request", venue="binance-spot", count=1)
        seen = []
        for _ in range(2):
            async with session.get("/spot/api/v3/depth?symbol=BTCUSDT") as answer:
                seen.append((answer.status, int(answer.headers["X-MBX-USED-WEIGHT-1M"]) >= 5))
    assert seen == [(400, True), (200, True)]


async def test_who_goes_on_after_429_is_answered_418_and_told_until_when(serve: Serve) -> None:
    async with serve() as simulator, aiohttp.ClientSession(f"http://127.0.0.1:{simulator.port}") as session:
        inject(simulator, fault="rate-limited", venue="binance-usdm", retry_after=3, ban_after=1, ban_seconds=60)
        seen = []
        for _ in range(2):
            async with session.get("/usdm/fapi/v1/time") as answer:
                seen.append((answer.status, answer.headers["Retry-After"], (await answer.json())["code"]))
    assert seen == [(429, "3", -1003), (418, "60", -1003)]


async def test_a_slow_snapshot_comes_late_and_is_as_old_as_its_request(serve: Serve) -> None:
    loop = asyncio.get_running_loop()
    async with (
        serve() as simulator,
        aiohttp.ClientSession(f"http://127.0.0.1:{simulator.port}") as session,
        socket(simulator, "/spot/ws/btcusdt@depth@100ms") as client,
    ):
        inject(simulator, fault="slow-snapshot", venue="binance-spot", delay=0.8)
        before = loop.time()
        async with session.get("/spot/api/v3/depth?symbol=BTCUSDT") as answer:
            snapshot = await answer.json()
        assert loop.time() - before >= 0.8
        meanwhile = [await receive(client) for _ in range(4)]
    assert snapshot["lastUpdateId"] < meanwhile[-1]["U"]
