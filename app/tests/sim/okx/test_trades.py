from typing import Any

from tests.sim.conftest import Serve, inject, socket

from .conftest import receive_rows, subscription
from .test_rest import asking

ID = "tradeId"


async def test_older_fills_are_found_by_id_newest_first(serve: Serve) -> None:
    async with serve() as simulator, asking(simulator) as ask:
        rows: list[dict[str, Any]] = []
        while len(rows) < 60:
            rows = (await ask("market/trades", instId="BTC-USDT"))[1]["data"]
        middle = rows[30]
        _, page = await ask("market/history-trades", instId="BTC-USDT", type="1", after=middle[ID], limit="10")
        _, between = await ask("market/history-trades", instId="BTC-USDT", after=middle[ID], before=rows[34][ID])
        _, newest = await ask("market/history-trades", instId="BTC-USDT", limit="5")
    assert page["data"] == rows[31:41]
    assert between["data"] == rows[31:34]
    ids = [int(row[ID]) for row in newest["data"]]
    assert ids == list(range(ids[0], ids[0] - 5, -1))
    assert set(middle) == {"instId", "side", "sz", "px", "source", ID, "ts"}


async def test_trades_that_were_not_sent_can_be_healed(serve: Serve) -> None:
    async with serve() as simulator, socket(simulator, "/ws/v5/public") as client, asking(simulator) as ask:
        await client.send(subscription(("trades", "BTC-USDT-SWAP")))
        (before,) = await receive_rows(client, "trades", 1)
        inject(simulator, fault="lost-trades", venue="okx-swap", symbol="BTC-USDT-SWAP", count=3)
        last, after = before["data"][0], before["data"][0]
        while int(after[ID]) - int(after["count"]) == int(last[ID]) or after is last:
            last, after = after, (await receive_rows(client, "trades", 1))[0]["data"][0]
        first = int(after[ID]) - int(after["count"]) + 1
        _, healed = await ask(
            "market/history-trades", instId="BTC-USDT-SWAP", type="1", after=str(first), before=last[ID]
        )
    ids = [int(row[ID]) for row in healed["data"]]
    assert ids == list(range(first - 1, int(last[ID]), -1))
    assert len(ids) >= 3


async def test_pages_by_time_are_refused(serve: Serve) -> None:
    async with serve() as simulator, asking(simulator) as ask:
        answer = await ask("market/history-trades", instId="BTC-USDT", type="2")
    assert answer[1]["code"] == "51000"
