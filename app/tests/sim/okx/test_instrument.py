from itertools import pairwise
from pathlib import Path

import msgspec

from tests.sim.conftest import Serve, inject, receive, socket

from .conftest import receive_rows, subscription

PUBLIC, BUSINESS = "/ws/v5/public", "/ws/v5/business"
SWAP = "BTC-USDT-SWAP"


async def test_aggregates_cover_fills_without_a_hole_and_several_share_a_sequence_id(serve: Serve) -> None:
    async with serve() as simulator, socket(simulator, PUBLIC) as client:
        await client.send(subscription(("trades", SWAP)))
        rows = [frame["data"][0] for frame in await receive_rows(client, "trades", 30)]
    for before, after in pairwise(rows):
        assert int(after["tradeId"]) - int(after["count"]) == int(before["tradeId"])
    sequences = [row["seqId"] for row in rows]
    assert sequences == sorted(sequences)
    assert len(set(sequences)) < len(sequences)


async def test_single_fills_are_sent_on_the_business_entrance_and_sum_up_to_the_aggregates(serve: Serve) -> None:
    async with serve() as simulator, socket(simulator, PUBLIC) as public, socket(simulator, BUSINESS) as business:
        await public.send(subscription(("trades", SWAP)))
        await receive(public)
        await business.send(subscription(("trades-all", SWAP)))
        fills = {row["tradeId"]: row for row in _rows(await receive_rows(business, "trades-all", 60))}
        aggregates = _rows(await receive_rows(public, "trades", 15))
    compared = 0
    for aggregate in aggregates:
        last, count = int(aggregate["tradeId"]), int(aggregate["count"])
        parts = [fills[str(number)] for number in range(last - count + 1, last + 1) if str(number) in fills]
        if len(parts) == count:
            assert round(sum(float(part["sz"]) for part in parts), 6) == float(aggregate["sz"])
            assert {(part["px"], part["side"]) for part in parts} == {(aggregate["px"], aggregate["side"])}
            compared += 1
    assert compared > 5


async def test_funding_and_open_interest_are_pushed_for_both_kinds_of_contract(serve: Serve) -> None:
    async with serve() as simulator, socket(simulator, PUBLIC) as client:
        names = (SWAP, "BTC-USD-SWAP")
        await client.send(subscription(*((channel, name) for name in names for channel in CHANNELS)))
        seen: dict[tuple[str, str], dict[str, str]] = {}
        while len(seen) < 4:
            frame = await receive(client)
            if "data" in frame:
                seen[frame["arg"]["channel"], frame["arg"]["instId"]] = frame["data"][0]
    for name in names:
        funding, interest = seen["funding-rate", name], seen["open-interest", name]
        assert (funding["nextFundingRate"], len(funding["fundingRate"].split(".")[1])) == ("", 16)
        assert int(funding["nextFundingTime"]) > int(funding["fundingTime"]) > int(funding["ts"])
        price = float(interest["oiUsd"]) / float(interest["oiCcy"])
        assert 60_000 < price < 70_000
    contracts = {name: float(seen["open-interest", name]["oi"]) for name in names}
    assert float(seen["open-interest", SWAP]["oiCcy"]) == round(contracts[SWAP] * 0.01, 8)
    assert float(seen["open-interest", "BTC-USD-SWAP"]["oiUsd"]) == contracts["BTC-USD-SWAP"] * 100


CHANNELS = ("funding-rate", "open-interest")


async def test_liquidations_come_by_type_and_now_and_then_beside_an_unlisted_one(serve: Serve, tmp_path: Path) -> None:
    truth = tmp_path / "truth.jsonl"
    async with serve(truth=truth) as simulator, socket(simulator, PUBLIC) as client:
        await client.send(subscription(("liquidation-orders", "SWAP")))
        await receive(client)
        inject(simulator, fault="liquidation", venue="okx-swap", symbol=SWAP, count=2)
        frames = await receive_rows(client, "liquidation-orders", 2)
    assert [frame["arg"] for frame in frames] == [{"channel": "liquidation-orders", "instType": "SWAP"}] * 2
    names = [[row["instId"] for row in frame["data"]] for frame in frames]
    assert sorted(names, key=len) == [[SWAP], ["UNLISTED-USDT-SWAP", SWAP]]
    noted = [msgspec.json.decode(line) for line in truth.read_bytes().splitlines()]
    assert [row["event"] for row in noted] == [frame["data"][-1] for frame in frames]


def _rows(frames: list[dict[str, list[dict[str, str]]]]) -> list[dict[str, str]]:
    return [row for frame in frames for row in frame["data"]]
