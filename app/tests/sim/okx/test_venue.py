from dataclasses import replace

import aiohttp
import pytest

from marketprism.sim.instruments import MarketKind
from tests.sim.conftest import Serve, receive, socket

from .conftest import QUICK, receive_rows, subscription


async def test_spot_and_swaps_share_one_entrance(serve: Serve) -> None:
    async with serve() as simulator, socket(simulator, "/ws/v5/public") as client:
        await client.send(subscription(("trades", "BTC-USDT"), ("trades", "BTC-USD-SWAP")))
        seen = set()
        while len(seen) < 2:
            frame = await receive(client)
            if "data" in frame:
                seen.add(frame["arg"]["instId"])
    assert seen == {"BTC-USDT", "BTC-USD-SWAP"}


async def test_a_market_that_is_not_served_is_unknown(serve: Serve) -> None:
    async with serve(markets=(MarketKind.OKX_SWAP,)) as simulator, socket(simulator, "/ws/v5/public") as client:
        await client.send(subscription(("trades", "BTC-USDT"), ("trades", "BTC-USDT-SWAP")))
        answers = [await receive(client), await receive(client)]
    assert [each.get("code", each["event"]) for each in answers] == ["60018", "subscribe"]


async def test_a_fourth_handshake_in_a_second_is_refused(serve: Serve) -> None:
    async with (
        serve(replace(QUICK, connections_per_second=3)) as simulator,
        aiohttp.ClientSession(f"http://127.0.0.1:{simulator.port}") as session,
    ):
        clients = [await session.ws_connect("/ws/v5/public") for _ in range(3)]
        with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
            await session.ws_connect("/ws/v5/public")
        for client in clients:
            await client.close()
    assert refusal.value.status == 429


async def test_the_same_seed_trades_the_same(serve: Serve) -> None:
    seen = []
    for _ in range(2):
        async with serve(seed=7) as simulator, socket(simulator, "/ws/v5/public") as client:
            await client.send(subscription(("trades", "BTC-USDT-SWAP")))
            await receive_rows(client, "trades", 30)
            market = simulator.floor.market(MarketKind.OKX_SWAP, "BTC-USDT-SWAP")
            assert market
            printed = market.tape.fills.since(0, 30)
            seen.append([(each.trade.price, each.trade.lots, each.trade.buyer_is_maker) for each in printed])
    assert seen[0] == seen[1]
