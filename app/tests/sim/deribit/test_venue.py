import asyncio
from dataclasses import replace

import aiohttp
import pytest

from marketprism.sim.instruments import MarketKind
from tests.sim.conftest import Serve, inject, receive, socket

from .conftest import GENEROUS, PATH, receive_data, subscribe


async def test_a_connection_beyond_the_number_of_an_address_is_refused_and_rest_counts_too(serve: Serve) -> None:
    async with (
        serve(replace(GENEROUS, connections=2)) as simulator,
        aiohttp.ClientSession(f"http://127.0.0.1:{simulator.port}") as session,
    ):
        clients = [await session.ws_connect(PATH) for _ in range(2)]
        with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
            await session.ws_connect(PATH)
        request = await session.get("/api/v2/public/get_time")
        await clients[0].close()
        async with asyncio.timeout(5):
            while (again := await session.get("/api/v2/public/get_time")).status != 200:
                pass
        await clients[1].close()
    assert (refusal.value.status, request.status, again.status) == (429, 429, 200)


async def test_what_has_no_perpetual_is_not_listed(serve: Serve) -> None:
    async with serve(symbols=("BTC-USD", "BTC-USDT", "DOGE-USD", "DOGE-USDT")) as simulator:
        assert list(simulator.floor.markets[MarketKind.DERIBIT]) == ["BTC-PERPETUAL"]


async def test_a_delisted_perpetual_cannot_be_subscribed(serve: Serve) -> None:
    name = "trades.BTC-PERPETUAL.100ms"
    async with serve() as simulator, socket(simulator, PATH) as client:
        inject(simulator, fault="delisted", venue="deribit", symbol="BTC-PERPETUAL")
        result = [name]
        while result:
            await client.send(subscribe(name))
            while "result" not in (frame := await receive(client)):
                pass
            result = frame["result"]


async def test_the_same_seed_trades_the_same(serve: Serve) -> None:
    name, seen = "trades.BTC-PERPETUAL.100ms", []
    for _ in range(2):
        async with serve(seed=7) as simulator, socket(simulator, PATH) as client:
            await client.send(subscribe(name))
            await receive_data(client, name, 5)
            market = simulator.floor.market(MarketKind.DERIBIT, "BTC-PERPETUAL")
            assert market
            trades = [each.trade for each in market.tape.fills.since(0, 20)]
            seen.append([(trade.price, trade.lots, trade.buyer_is_maker) for trade in trades])
    assert seen[0] == seen[1]
