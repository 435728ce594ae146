from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.sim.conftest import Serve, inject, receive, socket

from .conftest import PATH, call, receive_data, subscribe

BOOK, TRADES, TICKER = (f"{kind}.BTC-PERPETUAL.100ms" for kind in ("book", "trades", "ticker"))
DVOL = "deribit_volatility_index.btc_usd"


class Book:
    """A book kept by the documented rules, as a client would; an assertion fails where one is broken."""

    def __init__(self) -> None:
        self.sides: dict[str, dict[float, float]] = {"bids": {}, "asks": {}}
        self.last: int | None = None

    def apply(self, data: dict[str, Any]) -> None:
        assert data["type"] == "snapshot" or data["prev_change_id"] == self.last
        if data["type"] == "snapshot":
            self.sides = {"bids": {}, "asks": {}}
        for name, side in self.sides.items():
            for action, price, amount in data[name]:
                assert (action == "new") == (price not in side)
                assert (action == "delete") == (amount == 0)
                if action == "delete":
                    del side[price]
                else:
                    side[price] = amount
        self.last = data["change_id"]
        assert max(self.sides["bids"]) < min(self.sides["asks"]), "crossed book"


async def test_a_book_starts_with_a_snapshot_and_every_change_names_the_one_before(serve: Serve) -> None:
    book = Book()
    async with serve() as simulator, socket(simulator, PATH) as client:
        await client.send(subscribe(BOOK))
        updates = await receive_data(client, BOOK, 12)
    for data in updates:
        book.apply(data)
    assert [data["type"] for data in updates] == ["snapshot", *["change"] * 11]
    assert len(book.sides["bids"]) > 600


async def test_whoever_comes_later_joins_the_same_chain(serve: Serve) -> None:
    first, second = Book(), Book()
    async with serve() as simulator, socket(simulator, PATH) as early, socket(simulator, PATH) as late:
        await early.send(subscribe(BOOK))
        seen = await receive_data(early, BOOK, 4)
        await late.send(subscribe(BOOK))
        joined = await receive_data(late, BOOK, 4)
        while seen[-1]["change_id"] != joined[-1]["change_id"]:
            seen += await receive_data(early, BOOK, 1)
    for book, updates in ((first, seen), (second, joined)):
        for data in updates:
            book.apply(data)
    assert first.sides == second.sides


async def test_trades_come_in_lists_by_a_sequence_without_a_hole(serve: Serve) -> None:
    async with serve() as simulator, socket(simulator, PATH) as client:
        await client.send(subscribe(TRADES))
        lists = await receive_data(client, TRADES, 8)
    trades = [trade for each in lists for trade in each]
    assert any(len({trade["timestamp"] for trade in each}) > 1 for each in lists), "a list holds several ticks of 25 ms"
    assert all(after["trade_seq"] == before["trade_seq"] + 1 for before, after in pairwise(trades))
    assert all(trade["amount"] == trade["contracts"] * 10 and trade["price"] % 0.5 == 0 for trade in trades)


async def test_trades_of_a_currency_are_those_of_its_perpetual(serve: Serve) -> None:
    async with serve() as simulator, socket(simulator, PATH) as client:
        await client.send(subscribe("trades.future.ETH.100ms"))
        lists = await receive_data(client, "trades.future.ETH.100ms", 2)
    assert {trade["instrument_name"] for each in lists for trade in each} == {"ETH-PERPETUAL"}


async def test_a_liquidation_is_a_trade_that_says_so(serve: Serve) -> None:
    async with serve() as simulator, socket(simulator, PATH) as client:
        await client.send(subscribe(TRADES))
        inject(simulator, fault="liquidation", venue="deribit", symbol="BTC-PERPETUAL")
        forced: list[dict[str, Any]] = []
        while not forced:
            (trades,) = await receive_data(client, TRADES, 1)
            forced = [trade for trade in trades if "liquidation" in trade]
    assert {trade["liquidation"] for trade in forced} == {"T"}
    assert len({trade["direction"] for trade in forced}) == 1


async def test_ticker_and_volatility_are_told(serve: Serve) -> None:
    async with serve() as simulator, socket(simulator, PATH) as client:
        await client.send(subscribe(TICKER, DVOL))
        seen: dict[str, dict[str, Any]] = {}
        while len(seen) < 2:
            frame = await receive(client)
            if "params" in frame:
                seen[frame["params"]["channel"]] = frame["params"]["data"]
    ticker, volatility = seen[TICKER], seen[DVOL]
    assert ticker["open_interest"] % 10 == 0
    assert ticker["best_bid_price"] < ticker["best_ask_price"]
    assert -0.001 < ticker["current_funding"] < 0.001
    assert 30 < volatility["volatility"] < 70
    assert volatility["index_name"] == "btc_usd"


async def test_a_linear_perpetual_has_no_volatility_index(serve: Serve) -> None:
    async with serve() as simulator, socket(simulator, PATH) as client:
        await client.send(subscribe("deribit_volatility_index.sol_usdc", "ticker.SOL_USDC-PERPETUAL.100ms"))
        assert (await receive(client))["result"] == ["ticker.SOL_USDC-PERPETUAL.100ms"]


async def test_a_broken_chain_loses_nothing_but_the_link(serve: Serve) -> None:
    async with serve() as simulator, socket(simulator, PATH) as client:
        await client.send(subscribe(BOOK))
        updates = await receive_data(client, BOOK, 2)
        inject(simulator, fault="chain-break", venue="deribit", symbol="BTC-PERPETUAL")
        updates += await receive_data(client, BOOK, 3)
        await client.send(call("unsubscribe", channels=[BOOK]))
        await client.send(subscribe(BOOK))
        while (fresh := (await receive_data(client, BOOK, 1))[0])["type"] != "snapshot":
            pass
    breaks = [after["prev_change_id"] - before["change_id"] for before, after in pairwise(updates)]
    assert sorted(breaks) == [-1, 0, 0, 0]
    assert fresh["change_id"] >= updates[-1]["change_id"]


@pytest.mark.parametrize(("fault", "channel", "kind"), [("gap", BOOK, "book"), ("lost-trades", TRADES, "trades")])
async def test_what_a_fault_swallowed_stays_in_the_truth_log(
    serve: Serve, tmp_path: Path, fault: str, channel: str, kind: str
) -> None:
    truth = tmp_path / "truth.jsonl"
    async with serve(truth=truth) as simulator, socket(simulator, PATH) as client:
        await client.send(subscribe(channel))
        await receive_data(client, channel, 2)
        inject(simulator, fault=fault, venue="deribit", symbol="BTC-PERPETUAL", count=1)
        await receive_data(client, channel, 2)
    rows = [msgspec.json.decode(line) for line in truth.read_bytes().splitlines()]
    (lost,) = [row for row in rows if not row["sent"]]
    assert (lost["kind"], lost["fault"], lost["venue"]) == (kind, fault, "deribit")
    if kind == "trades":
        numbers = [trade["trade_seq"] for row in rows if row["kind"] == kind for trade in row["event"]["trades"]]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
