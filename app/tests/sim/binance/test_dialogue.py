import asyncio
from dataclasses import replace

import aiohttp
import pytest

from marketprism.sim.binance.rules import WIRE_RULES, WireRules
from marketprism.sim.instruments import MarketKind
from tests.sim.conftest import Serve, receive, receive_many, receive_rest, socket

SPOT = WIRE_RULES[MarketKind.BINANCE_SPOT]


def spot(rules: WireRules) -> dict[MarketKind, WireRules]:
    return {**WIRE_RULES, MarketKind.BINANCE_SPOT: rules}


async def test_more_messages_than_allowed_close_with_1008(serve: Serve) -> None:
    async with serve() as simulator, socket(simulator, "/spot/ws") as client:
        for number in range(6):
            await client.send(f'{{"method":"LIST_SUBSCRIPTIONS","id":{number}}}')
        async with asyncio.timeout(5):
            await client.wait_closed()
    assert (client.close_code, client.close_reason) == (1008, "Too many requests")


async def test_pings_of_the_client_are_answered_and_count_as_messages(serve: Serve) -> None:
    async with serve() as simulator, socket(simulator, "/spot/ws") as client:
        async with asyncio.timeout(5):
            await (await client.ping())
        for _ in range(5):
            await client.ping()
        async with asyncio.timeout(5):
            await client.wait_closed()
    assert client.close_code == 1008


async def test_messages_at_the_allowed_pace_are_served(serve: Serve) -> None:
    async with (
        serve(rules=spot(replace(SPOT, messages_per_second=2))) as simulator,
        socket(simulator, "/spot/ws") as client,
    ):
        for number in range(3):
            await client.send(f'{{"method":"LIST_SUBSCRIPTIONS","id":{number}}}')
            assert (await receive(client))["id"] == number
            await asyncio.sleep(0.55)  # the rule under test is about wall time


async def test_a_client_that_answers_pings_stays_and_one_that_does_not_is_closed(serve: Serve) -> None:
    rules = spot(replace(SPOT, ping_seconds=0.2, pong_seconds=0.3, messages_per_second=50))
    async with serve(rules=rules) as simulator:
        reader, writer = await asyncio.open_connection("127.0.0.1", simulator.port)
        writer.write(
            b"GET /spot/ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        async with socket(simulator, "/spot/ws/btcusdt@trade") as polite, asyncio.timeout(5):
            mute = await reader.read()
            assert (await receive(polite))["e"] == "trade"
        writer.close()
    assert b"\x89\x0d" in mute  # ping frames, 13 digits of milliseconds
    assert b"\x03\xf0Pong timeout" in mute  # 1008


async def test_unsubscribing_ends_the_delivery(serve: Serve) -> None:
    async with serve() as simulator, socket(simulator, "/spot/ws/btcusdt@trade") as client:
        await receive(client)
        await client.send('{"method":"UNSUBSCRIBE","params":["btcusdt@trade"],"id":1}')
        while "result" not in await receive(client):
            pass
        assert await receive_many(client, 0.5) == []


async def test_acknowledgements_are_not_wrapped_on_a_combined_connection(serve: Serve) -> None:
    async with serve() as simulator, socket(simulator, "/usdm/market/stream") as client:
        await client.send('{"method":"SUBSCRIBE","params":["btcusdt@aggTrade"],"id":3}')
        assert await receive(client) == {"result": None, "id": 3}
        assert (await receive(client))["stream"] == "btcusdt@aggTrade"


async def test_one_stream_too_many_loses_the_whole_connection(serve: Serve) -> None:
    async with serve() as simulator, socket(simulator, "/usdm/public/ws/btcusdt@bookTicker") as client:
        names = ",".join(f'"s{number}@depth"' for number in range(1024))
        await client.send(f'{{"method":"SUBSCRIBE","params":[{names}],"id":3}}')
        frames = await receive_rest(client)
    assert frames[-1] == {"error": {"code": 4, "msg": "Too many subscriptions"}}
    assert (client.close_code, client.close_reason) == (1008, "Invalid request")


async def test_a_connection_is_cut_at_its_age(serve: Serve) -> None:
    rules = spot(replace(SPOT, lifetime_seconds=0.3))
    async with serve(rules=rules) as simulator, socket(simulator, "/spot/ws") as client:
        async with asyncio.timeout(3):
            await client.wait_closed()
    assert client.close_code == 1001


async def test_one_connection_attempt_too_many_is_refused(serve: Serve) -> None:
    async with serve(rules=spot(replace(SPOT, handshakes=2))) as simulator:
        for path in ("/spot/ws", "/spot/stream?streams=btcusdt@trade"):
            async with socket(simulator, path):
                pass
        async with aiohttp.ClientSession(f"http://127.0.0.1:{simulator.port}") as session:
            with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
                await session.ws_connect("/spot/ws")
    assert refusal.value.status == 429
    assert refusal.value.headers
    assert 0 < int(refusal.value.headers["Retry-After"]) <= 300
