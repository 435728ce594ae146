from pathlib import Path

import msgspec
import pytest

from marketprism.sim.instruments import MarketKind
from marketprism.sim.okx.ratios import ALL_ACCOUNT, TOP_POSITION
from tests.sim.conftest import Serve

from .test_rest import asking

SWAP = "BTC-USDT-SWAP"
FIVE_MINUTES_MS = 300_000


def path(name: str) -> str:
    return f"rubik/stat/contracts/{name}"


@pytest.mark.parametrize("name", [TOP_POSITION, ALL_ACCOUNT])
async def test_bars_are_those_of_the_market_newest_first(serve: Serve, name: str) -> None:
    async with serve() as simulator, asking(simulator) as ask:
        _, body = await ask(path(name), instId=SWAP, period="5m", limit="3")
        market = simulator.floor.market(MarketKind.OKX_SWAP, SWAP)
    assert market
    assert market.derivative
    times = [int(ts) for ts, _ in body["data"]]
    assert times == [times[0] - back * FIVE_MINUTES_MS for back in range(3)]
    for ts, ratio in body["data"]:
        ratios = market.derivative.ratios(int(ts))
        share = ratios.top_position_long if name == TOP_POSITION else ratios.all_account_long
        assert float(ratio) == pytest.approx(share / (10_000 - share), abs=1e-4)
        assert len(ratio.split(".")[1]) == 4


async def test_a_span_of_time_can_be_asked_for(serve: Serve) -> None:
    async with serve() as simulator, asking(simulator) as ask:
        _, body = await ask(path(ALL_ACCOUNT), instId=SWAP, period="15m")
        times = [ts for ts, _ in body["data"]]
        _, part = await ask(path(ALL_ACCOUNT), instId=SWAP, period="15m", begin=times[5], end=times[2])
    assert len(times) == 100
    assert int(times[0]) - int(times[1]) == 3 * FIVE_MINUTES_MS
    assert [ts for ts, _ in part["data"]] == times[2:6]


async def test_spot_has_no_ratios_and_periods_are_known(serve: Serve) -> None:
    async with serve() as simulator, asking(simulator) as ask:
        spot = await ask(path(ALL_ACCOUNT), instId="BTC-USDT")
        odd = await ask(path(ALL_ACCOUNT), instId=SWAP, period="7m")
    assert (spot[1]["code"], odd[1]["code"]) == ("51001", "51000")


async def test_a_bar_is_noted_in_the_truth_log_when_it_is_served_first(serve: Serve, tmp_path: Path) -> None:
    truth = tmp_path / "truth.jsonl"
    async with serve(truth=truth) as simulator, asking(simulator) as ask:
        for _ in range(2):
            _, body = await ask(path(TOP_POSITION), instId=SWAP, period="5m", limit="2")
    rows = [msgspec.json.decode(line) for line in truth.read_bytes().splitlines()]
    assert [row["event"] for row in rows] == [
        {"instId": SWAP, "period": "5m", "ts": ts, "ratio": ratio} for ts, ratio in reversed(body["data"])
    ]
