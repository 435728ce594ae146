from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from marketprism.sim.instruments import MarketKind
from marketprism.sim.server import Simulator
from tests.sim.conftest import Serve, get, inject, receive, socket

RATIOS = ("topLongShortPositionRatio", "globalLongShortAccountRatio")
BAR_MS = 300_000


async def first_tick(simulator: Simulator) -> None:
    async with socket(simulator, "/usdm/market/ws/btcusdt@markPrice@1s") as client:
        await receive(client)


async def test_open_interest_is_the_latest_figure_and_noted_once(serve: Serve, tmp_path: Path) -> None:
    async with serve(truth=tmp_path / "truth") as simulator:
        await first_tick(simulator)
        found = [await get(simulator, "/usdm/fapi/v1/openInterest?symbol=BTCUSDT") for _ in range(2)]
    assert [status for status, _ in found] == [200, 200]
    bodies = {body["time"]: body for _, body in found}
    rows = [msgspec.json.decode(line) for line in (tmp_path / "truth").read_bytes().splitlines()]
    assert [row["event"] for row in rows if row["kind"] == "openInterest"] == list(bodies.values())
    assert float(found[0][1]["openInterest"]) > 100


@pytest.mark.parametrize("name", RATIOS)
async def test_ratios_are_bars_of_the_period_and_the_same_when_asked_again(serve: Serve, name: str) -> None:
    path = f"/usdm/futures/data/{name}?symbol=BTCUSDT&period=5m&limit=12"
    async with serve() as simulator:
        _, rows = await get(simulator, path)
        _, again = await get(simulator, path)
        now_ms = (await get(simulator, "/usdm/fapi/v1/time"))[1]["serverTime"]
    assert len(rows) == 12
    assert all(after["timestamp"] - before["timestamp"] == BAR_MS for before, after in pairwise(rows))
    assert 0 <= now_ms - rows[-1]["timestamp"] < BAR_MS + 20_000
    assert {row["timestamp"]: row for row in rows}.items() >= {row["timestamp"]: row for row in again[:-1]}.items()


async def test_a_bar_can_be_had_some_seconds_after_its_time(serve: Serve) -> None:
    path = "/usdm/futures/data/topLongShortPositionRatio?symbol=BTCUSDT&period=5m&limit=1"
    async with serve() as simulator:
        latest, now_ms = [], simulator.floor.now_ms(MarketKind.BINANCE_USDM)
        next_bar_ms = now_ms // BAR_MS * BAR_MS + BAR_MS
        for seconds in (5, 20):
            simulator.faults.withdraw()
            inject(simulator, fault="clock-skew", milliseconds=next_bar_ms + seconds * 1000 - now_ms)
            latest.append((await get(simulator, path))[1][0]["timestamp"])
    assert latest[1] - latest[0] == BAR_MS


async def test_the_two_ratios_differ_and_a_span_of_time_can_be_asked_for(serve: Serve) -> None:
    async with serve() as simulator:
        now_ms = (await get(simulator, "/usdm/fapi/v1/time"))[1]["serverTime"]
        start = now_ms // 3_600_000 * 3_600_000 - 7_200_000
        span = f"symbol=BTCUSDT&period=15m&startTime={start}&endTime={start + 3_600_000}"
        top, everyone = [(await get(simulator, f"/usdm/futures/data/{name}?{span}"))[1] for name in RATIOS]
    assert [row["timestamp"] for row in top] == [start + quarter * 900_000 for quarter in range(5)]
    assert [row["longAccount"] for row in top] != [row["longAccount"] for row in everyone]


async def test_mark_prices_are_polled_for_one_symbol_or_all(serve: Serve) -> None:
    async with serve() as simulator:
        await first_tick(simulator)
        _, one = await get(simulator, "/usdm/fapi/v1/premiumIndex?symbol=ETHUSDT")
        _, every = await get(simulator, "/usdm/fapi/v1/premiumIndex")
        _, intervals = await get(simulator, "/usdm/fapi/v1/fundingInfo")
    assert (one["symbol"], [row["symbol"] for row in every]) == ("ETHUSDT", ["BTCUSDT", "ETHUSDT"])
    assert one["nextFundingTime"] > one["time"]
    assert {row["fundingIntervalHours"] for row in intervals} <= {4, 8}


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/usdm/fapi/v1/openInterest", -1102),
        ("/usdm/fapi/v1/openInterest?symbol=NOSUCHUSDT", -1121),
        ("/usdm/futures/data/topLongShortPositionRatio?symbol=BTCUSDT", -1130),
        ("/usdm/futures/data/topLongShortPositionRatio?symbol=BTCUSDT&period=5m&startTime=1", -1130),
    ],
)
async def test_wrong_questions_are_refused(serve: Serve, path: str, code: int) -> None:
    async with serve() as simulator:
        status, body = await get(simulator, path)
    assert (status, body["code"]) == (400, code)
