from decimal import Decimal

import pytest

from tests.sim.conftest import Serve, get, receive, socket


async def test_single_trades_of_spot_are_the_ones_that_were_streamed(serve: Serve) -> None:
    async with serve() as simulator, socket(simulator, "/spot/ws/btcusdt@trade") as client:
        events = [await receive(client) for _ in range(20)]
        query = f"symbol=BTCUSDT&fromId={events[3]['t']}&limit=10"
        _, rows = await get(simulator, f"/spot/api/v3/historicalTrades?{query}")
        _, latest = await get(simulator, "/spot/api/v3/trades?symbol=BTCUSDT&limit=3")
    assert [(row["id"], row["price"], row["qty"], row["time"], row["isBuyerMaker"]) for row in rows] == [
        (event["t"], event["p"], event["q"], event["T"], event["m"]) for event in events[3:13]
    ]
    assert all(Decimal(row["quoteQty"]) == Decimal(row["price"]) * Decimal(row["qty"]) for row in rows)
    assert [row["id"] for row in latest] == list(range(latest[0]["id"], latest[0]["id"] + 3))


@pytest.mark.parametrize(
    ("stream", "path"),
    [("/spot/ws/btcusdt@aggTrade", "/spot/api/v3"), ("/usdm/market/ws/btcusdt@aggTrade", "/usdm/fapi/v1")],
)
async def test_aggregates_are_found_by_id_and_by_time(serve: Serve, stream: str, path: str) -> None:
    async with serve() as simulator, socket(simulator, stream) as client:
        events = [await receive(client) for _ in range(20)]
        by_id = f"{path}/aggTrades?symbol=BTCUSDT&fromId={events[5]['a']}&limit=5"
        by_time = f"{path}/aggTrades?symbol=BTCUSDT&startTime={events[5]['T']}&endTime={events[9]['T']}"
        later = f"{path}/aggTrades?symbol=BTCUSDT&startTime={events[5]['T'] + 1}"
        (_, numbered), (_, dated) = await get(simulator, by_id), await get(simulator, by_time)
        _, after = await get(simulator, later)
    wanted = [(event["a"], event["p"], event["q"], event["f"], event["l"], event["T"]) for event in events]
    assert [(row["a"], row["p"], row["q"], row["f"], row["l"], row["T"]) for row in numbered] == wanted[5:10]
    assert min(row["T"] for row in after) > events[5]["T"]
    assert {row["a"] for row in dated} == {
        event["a"] for event in events if events[5]["T"] <= event["T"] <= events[9]["T"]
    }


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/usdm/fapi/v1/aggTrades?symbol=BTCUSDT&startTime=1700000000000", -4166),
        ("/usdm/fapi/v1/aggTrades?symbol=BTCUSDT&startTime=1700000000000&fromId=1", -1128),
        ("/spot/api/v3/historicalTrades?symbol=NOSUCHUSDT", -1121),
        ("/spot/api/v3/historicalTrades", -1102),
        ("/spot/api/v3/trades?symbol=BTCUSDT&limit=0", -1130),
    ],
)
async def test_wrong_questions_are_refused(serve: Serve, path: str, code: int) -> None:
    async with serve() as simulator:
        status, body = await get(simulator, path)
    assert (status, body["code"]) == (400, code)
