import asyncio
from pathlib import Path

import aiohttp
import pytest

from marketprism.errors import UnavailableError
from marketprism.sim.instruments import MarketKind
from tests.sim.conftest import Serve, receive, receive_many, socket


async def test_spot_combined_stream_delivers_wrapped_events_of_every_stream(serve: Serve) -> None:
    names = {"btcusdt@trade", "btcusdt@depth@100ms", "btcusdt@bookTicker", "ethusdt@aggTrade"}
    async with serve() as simulator, socket(simulator, f"/spot/stream?streams={'/'.join(names)}") as client:
        frames = await receive_many(client, 1.2)
    assert {frame["stream"] for frame in frames} == names
    assert all(set(frame) == {"stream", "data"} for frame in frames)


async def test_raw_stream_delivers_bare_events(serve: Serve) -> None:
    async with serve() as simulator, socket(simulator, "/spot/ws/btcusdt@trade") as client:
        frame = await receive(client)
    assert frame["e"] == "trade"
    assert set(frame) == {"e", "E", "s", "t", "p", "q", "T", "m", "M"}


async def test_each_futures_route_delivers_only_its_own_streams(serve: Serve) -> None:
    streams = "btcusdt@aggTrade/btcusdt@depth@100ms/btcusdt@bookTicker"
    async with (
        serve() as simulator,
        socket(simulator, f"/usdm/public/stream?streams={streams}") as public,
        socket(simulator, f"/usdm/market/stream?streams={streams}") as market,
        socket(simulator, f"/usdm/stream?streams={streams}") as unrouted,
    ):
        seen = await asyncio.gather(*(receive_many(client, 1.2) for client in (public, market, unrouted)))
    kinds = [{frame["data"]["e"] for frame in frames} for frames in seen]
    assert kinds == [{"depthUpdate", "bookTicker"}, {"aggTrade"}, {"depthUpdate", "bookTicker"}]
    assert all(frame["data"]["st"] == 1 for frames in seen for frame in frames)


@pytest.mark.parametrize("name", ["BTCUSDT@trade", "nosuchusdt@trade", "btcusdt@nonsense", "btcusdt@depth@250ms", ""])
async def test_nonsense_is_acknowledged_and_never_delivers(serve: Serve, name: str) -> None:
    async with serve() as simulator, socket(simulator, "/spot/ws") as client:
        await client.send(f'{{"method":"SUBSCRIBE","params":["{name}"],"id":7}}')
        assert await receive(client) == {"result": None, "id": 7}
        await client.send('{"method":"LIST_SUBSCRIPTIONS","id":"list"}')
        assert await receive(client) == {"result": [name], "id": "list"}
        assert await receive_many(client, 0.5) == []


async def test_non_ascii_symbol_can_be_listed_and_subscribed(serve: Serve) -> None:
    async with (
        serve(symbols=("币安人生USDT",)) as simulator,
        socket(simulator, "/usdm/public/stream?streams=币安人生usdt@depth@100ms") as client,
    ):
        frame = await receive(client)
    assert frame["stream"] == "币安人生usdt@depth@100ms"
    assert frame["data"]["s"] == "币安人生USDT"


async def test_a_market_that_is_not_served_has_no_path(serve: Serve) -> None:
    async with serve(markets=(MarketKind.BINANCE_SPOT,)) as simulator, aiohttp.ClientSession() as session:
        answer = await session.get(f"http://127.0.0.1:{simulator.port}/usdm/fapi/v1/time")
    assert answer.status == 404


async def test_one_client_too_many_is_refused(serve: Serve) -> None:
    async with serve(max_clients=1) as simulator, socket(simulator, "/spot/ws"), aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
            await session.ws_connect(f"http://127.0.0.1:{simulator.port}/spot/ws")
    assert refusal.value.status == 503


async def test_health_counts_clients_and_events(serve: Serve) -> None:
    async with (
        serve() as simulator,
        socket(simulator, "/spot/ws/btcusdt@trade") as client,
        aiohttp.ClientSession() as session,
    ):
        await receive(client)
        answer = await session.get(f"http://127.0.0.1:{simulator.port}/health")
        body = await answer.json()
    assert answer.status == 200
    assert (body["healthy"], body["clients"], body["deliveries"] > 0) == (True, 1, True)


async def test_health_fails_when_the_markets_stall(serve: Serve) -> None:
    async with serve() as simulator, aiohttp.ClientSession() as session:
        simulator.source.idle_seconds = lambda: 60.0
        answer = await session.get(f"http://127.0.0.1:{simulator.port}/health")
    assert answer.status == 503


async def test_stopping_is_fast_and_says_goodbye(serve: Serve) -> None:
    loop = asyncio.get_running_loop()
    async with serve() as simulator:
        client = await socket(simulator, "/spot/ws/btcusdt@trade")
        idle = await socket(simulator, "/usdm/market/ws")
        before = loop.time()
    assert loop.time() - before < 2
    await client.wait_closed()
    await idle.wait_closed()
    assert (client.close_code, idle.close_code) == (1001, 1001)


async def test_a_taken_port_is_a_clear_error(serve: Serve) -> None:
    async with serve() as simulator:
        with pytest.raises(UnavailableError, match="ss -ltnp"):
            await serve(port=simulator.port).__aenter__()


async def test_a_state_file_that_cannot_be_written_is_a_clear_error(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UnavailableError, match="cannot be written"):
        await serve(state=tmp_path / "file" / "state.json").__aenter__()


async def test_hundreds_of_symbols_are_served_and_streamed(serve: Serve) -> None:
    async with (
        serve(symbol_count=300, rate=0.2) as simulator,
        socket(simulator, "/usdm/market/ws/!markPrice@arr@1s") as client,
        aiohttp.ClientSession() as session,
    ):
        rows = [*await receive(client), *await receive(client)]
        answer = await session.get(f"http://127.0.0.1:{simulator.port}/usdm/fapi/v1/exchangeInfo")
        listed = [each["symbol"] for each in (await answer.json())["symbols"] if each["status"] == "TRADING"]
    assert [row["s"] for row in rows if row["st"] == 1] == listed
    assert len(listed) == 300
