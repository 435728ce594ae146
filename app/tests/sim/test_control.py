"""Faults over HTTP against a running simulator, and what its clients see of them."""

import asyncio
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

from marketprism.errors import ConfigurationError
from marketprism.sim.server import Simulator
from marketprism.sim.settings import SimSettings

from .conftest import Frame, Serve, inject, receive, receive_many, receive_rest, socket

TRADES = "/spot/stream?streams=btcusdt@trade"
DEPTH = "/usdm/public/stream?streams=btcusdt@depth@100ms"


async def call(simulator: Simulator, method: str, query: str = "", body: object = None) -> tuple[int, Any]:
    async with aiohttp.ClientSession(f"http://127.0.0.1:{simulator.port}") as session:
        content = None if body is None else msgspec.json.encode(body)
        async with session.request(method, f"/control/faults{query}", data=content) as answer:
            return answer.status, await answer.json()


async def test_faults_are_listed_injected_and_withdrawn(serve: Serve) -> None:
    async with serve() as simulator:
        status, listed = await call(simulator, "GET")
        gap = next(each for each in listed["available"] if each["fault"] == "gap")
        assert (status, gap["count"], gap["where"], gap["venues"], listed["active"]) == (200, 3, "frame", ["*"], [])
        order = {"fault": "silent", "venue": "binance-spot", "symbol": "BTCUSDT", "seconds": 60, "sort": "top"}
        status, injected = await call(simulator, "POST", body=order)
        assert (status, injected["id"], injected["parameters"], injected["left"]) == (201, 1, {"sort": "top"}, None)
        _, listed = await call(simulator, "GET")
        assert [(each["fault"], each["venue"], each["symbol"]) for each in listed["active"]] == [
            ("silent", "binance-spot", "BTCUSDT")
        ]
        assert await call(simulator, "DELETE", "?id=7") == (200, {"withdrawn": 0})
        assert await call(simulator, "DELETE") == (200, {"withdrawn": 1})


@pytest.mark.parametrize(
    "body", [[], {"fault": "nonsense"}, {"fault": "gap", "venue": "kraken"}, {"fault": "gap", "symbol": "BTC-USDT"}]
)
async def test_what_is_not_understood_is_answered_400_with_the_reason(serve: Serve, body: object) -> None:
    async with serve() as simulator:
        status, answer = await call(simulator, "POST", body=body)
        assert (status, list(answer)) == (400, ["error"])
        assert (await call(simulator, "DELETE", "?id=x"))[0] == 400


def rows(truth: Path, kind: str) -> list[Frame]:
    return [row for line in truth.read_bytes().splitlines() if (row := msgspec.json.decode(line))["kind"] == kind]


async def test_the_truth_log_names_exactly_the_trades_that_a_fault_swallowed(serve: Serve, tmp_path: Path) -> None:
    truth = tmp_path / "truth.jsonl"
    async with serve(truth=truth, rate=200) as simulator:
        client = await socket(simulator, TRADES)
        await receive(client)
        inject(simulator, fault="lost-trades", venue="binance-spot", symbol="BTCUSDT", count=4)
        frames = await receive_many(client, 0.5)
        async with aiohttp.ClientSession(f"http://127.0.0.1:{simulator.port}") as session:
            ids = [frame["data"]["t"] for frame in frames]
            missing = sorted(set(range(ids[0], ids[-1])) - set(ids))
            query = f"symbol=BTCUSDT&fromId={missing[0]}&limit=4"
            async with session.get(f"/spot/api/v3/historicalTrades?{query}") as answer:
                healed = await answer.json()
    lost = [row for row in rows(truth, "trade") if not row["sent"]]
    assert {row["fault"] for row in lost} == {"lost-trades"}
    assert [row["event"]["t"] for row in lost] == missing == [row["id"] for row in healed]
    assert [(row["event"]["p"], row["event"]["q"], row["event"]["T"]) for row in lost] == [
        (row["price"], row["qty"], row["time"]) for row in healed
    ]


async def test_a_gap_breaks_the_chain_of_depth_updates_exactly_once(serve: Serve, tmp_path: Path) -> None:
    truth = tmp_path / "truth.jsonl"
    async with serve(truth=truth) as simulator, socket(simulator, DEPTH) as client:
        frames = [await receive(client)]
        inject(simulator, fault="gap", venue="binance-usdm", symbol="BTCUSDT", count=2)
        frames += await receive_many(client, 1)
    events = [frame["data"] for frame in frames]
    breaks = [(a["u"], b["pu"]) for a, b in pairwise(events) if b["pu"] != a["u"]]
    lost = [row["event"] for row in rows(truth, "depthUpdate") if not row["sent"]]
    assert len(lost) == 2
    assert breaks == [(lost[0]["pu"], lost[-1]["u"])]


async def test_connections_end_with_the_code_asked_for(serve: Serve) -> None:
    async with serve() as simulator:
        first, second, other = [await socket(simulator, path) for path in (TRADES, TRADES, DEPTH)]
        inject(simulator, fault="close", venue="binance-spot", code=1008, reason="Too many requests")
        await receive_rest(first)
        assert (first.close_code, first.close_reason) == (1008, "Too many requests")
        assert simulator.clients == 2
        inject(simulator, fault="close-all", code=1006)
        await asyncio.gather(receive_rest(second), receive_rest(other))
        assert (second.close_code, other.close_code) == (1006, 1006)


async def test_connections_of_an_age_are_cut(serve: Serve) -> None:
    async with serve() as simulator, socket(simulator, TRADES) as client:
        inject(simulator, fault="lifetime", age=0.2)
        await receive_rest(client)
    assert (client.close_code, client.close_reason) == (1001, "Connection lifetime")


async def test_handshakes_are_refused_with_the_body_of_the_exchange(serve: Serve) -> None:
    async with serve() as simulator, aiohttp.ClientSession(f"http://127.0.0.1:{simulator.port}") as session:
        inject(simulator, fault="geo-blocked", venue="binance-usdm")
        for path in ("/usdm/market/ws", "/usdm/fapi/v1/time"):
            async with session.get(path) as answer:
                assert (answer.status, (await answer.json())["code"]) == (451, 0)
        async with session.get("/spot/api/v3/time") as answer:
            assert answer.status == 200


async def test_a_shifted_clock_shifts_events_and_server_time(serve: Serve) -> None:
    async with serve() as simulator, aiohttp.ClientSession(f"http://127.0.0.1:{simulator.port}") as session:
        inject(simulator, fault="clock-skew", venue="binance-spot", milliseconds=-60_000)
        async with socket(simulator, TRADES) as client:
            event = (await receive(client))["data"]
        times = []
        for path in ("/spot/api/v3/time", "/usdm/fapi/v1/time"):
            async with session.get(path) as answer:
                times.append((await answer.json())["serverTime"])
    assert times[1] - times[0] > 59_000
    assert abs(event["E"] - times[0]) < 5_000


async def test_a_scenario_plays_by_itself(serve: Serve, tmp_path: Path) -> None:
    scenario = tmp_path / "scenario.yml"
    scenario.write_text("- {at_seconds: 0.3, fault: close-all, code: 1012}\n")
    async with serve(scenario=scenario) as simulator, socket(simulator, TRADES) as client:
        await receive_rest(client)
    assert client.close_code == 1012


async def test_a_scenario_that_could_never_play_is_refused_at_the_start(settings: SimSettings, tmp_path: Path) -> None:
    scenario = tmp_path / "scenario.yml"
    scenario.write_text("- {at_seconds: 60, fault: gap, symbol: BTCUSD}\n")
    with pytest.raises(ConfigurationError, match="BTCUSDT"):
        Simulator(replace(settings, scenario=scenario))
