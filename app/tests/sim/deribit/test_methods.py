from typing import Any

import pytest

from tests.sim.conftest import Serve, inject, socket

from .conftest import PATH, answered, call, receive_data, subscribe
from .test_rest import asking

NAME, TRADES = "BTC-PERPETUAL", "trades.BTC-PERPETUAL.100ms"


def numbers(body: dict[str, Any]) -> list[int]:
    return [trade["trade_seq"] for trade in body["result"]["trades"]]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({"currency": "BTC", "kind": "future"}, ["BTC-PERPETUAL"]),
        ({"currency": "USDC"}, ["SOL_USDC-PERPETUAL"]),
        ({"currency": "any", "kind": "any"}, ["BTC-PERPETUAL", "ETH-PERPETUAL", "SOL_USDC-PERPETUAL"]),
        ({"currency": "BTC", "kind": "option"}, []),
    ],
)
async def test_instruments_are_filed_under_the_currency_that_settles(
    serve: Serve, query: dict[str, str], names: list[str]
) -> None:
    async with serve() as simulator, asking(simulator) as ask:
        _, body = await ask("get_instruments", **query)
    assert [row["instrument_name"] for row in body["result"]] == names


async def test_trades_that_were_not_sent_can_be_healed_by_their_sequence(serve: Serve) -> None:
    async with serve() as simulator, socket(simulator, PATH) as client, asking(simulator) as ask:
        await client.send(subscribe(TRADES))
        (before,) = await receive_data(client, TRADES, 1)
        inject(simulator, fault="lost-trades", venue="deribit", symbol=NAME, count=1)
        (after,) = await receive_data(client, TRADES, 1)
        first, last = before[-1]["trade_seq"] + 1, after[0]["trade_seq"] - 1
        _, body = await ask(
            "get_last_trades_by_instrument",
            instrument_name=NAME,
            start_seq=first,
            end_seq=last,
            count=1000,
            sorting="asc",
        )
        _, known = await ask(
            "get_last_trades_by_instrument", instrument_name=NAME, start_seq=last + 1, count=1, sorting="asc"
        )
    assert first <= last
    assert numbers(body) == list(range(first, last + 1))
    assert body["result"]["has_more"] is False
    fields = ("trade_seq", "trade_id", "price", "amount", "direction", "timestamp")
    (row,) = known["result"]["trades"]
    assert [row[field] for field in fields] == [after[0][field] for field in fields]


async def test_pages_say_whether_there_is_more_and_the_newest_come_first_by_default(serve: Serve) -> None:
    async with serve() as simulator, socket(simulator, PATH) as client, asking(simulator) as ask:
        await client.send(subscribe(TRADES))
        trades = [trade for each in await receive_data(client, TRADES, 6) for trade in each]
        start = trades[0]["trade_seq"]
        _, page = await ask(
            "get_last_trades_by_instrument", instrument_name=NAME, start_seq=start, count=3, sorting="asc"
        )
        _, newest = await ask("get_last_trades_by_instrument", instrument_name=NAME, end_seq=start + 2, count=2)
        await client.send(
            call("get_last_trades_by_instrument", 9, instrument_name=NAME, start_seq=start, end_seq=start)
        )
        answer = await answered(client)
        while answer["id"] != 9:
            answer = await answered(client)
    assert (numbers(page), page["result"]["has_more"]) == ([start, start + 1, start + 2], True)
    assert numbers(newest) == [start + 2, start + 1]
    assert numbers(answer) == [start]


@pytest.mark.parametrize(
    ("query", "code"),
    [({}, -32_602), ({"instrument_name": "NO-SUCH"}, 13_020), ({"instrument_name": NAME, "start_seq": "x"}, -32_602)],
)
async def test_trades_of_nothing_are_refused(serve: Serve, query: dict[str, str], code: int) -> None:
    async with serve() as simulator, asking(simulator) as ask:
        _, body = await ask("get_last_trades_by_instrument", **query)
    assert body["error"]["code"] == code
