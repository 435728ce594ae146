import asyncio
from dataclasses import replace
from pathlib import Path

import aiohttp
import msgspec
import pytest

from marketprism.errors import ConfigurationError
from marketprism.sim.server import Simulator
from marketprism.sim.settings import SimSettings
from tests.sim.binance.checker import OfficialBook
from tests.sim.conftest import Frame, Serve, receive, receive_many, socket

START_NS = 1_723_161_253_000_000_000
STREAMS = "/spot/stream?streams=btcusdt@trade/btcusdt@depth@100ms"


def depth(first: int, last: int, bid: str) -> str:
    data = f'{{"e":"depthUpdate","E":1,"s":"BTCUSDT","U":{first},"u":{last},"b":[["100.00","{bid}"]],"a":[]}}'
    return f'{{"stream":"btcusdt@depth@100ms","data":{data}}}'


def trade(number: int) -> str:
    data = f'{{"e":"trade","E":1,"s":"BTCUSDT","t":{number},"p":"100.10","q":"0.5","T":1,"m":true,"M":true}}'
    return f'{{"stream":"btcusdt@trade","data":{data}}}'


SNAPSHOT = '{"lastUpdateId":12,"bids":[["100.00","3"],["99.90","1"]],"asks":[["100.10","2"]]}'
FRAMES = [depth(8, 10, "2"), trade(1), depth(11, 12, "3"), SNAPSHOT, depth(13, 14, "4"), trade(2), depth(15, 15, "0")]


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    path = tmp_path / "btcusdt"
    path.write_text("".join(f"{START_NS + place * 10**8} {frame}\n" for place, frame in enumerate(FRAMES)))
    return path


async def snapshot(simulator: Simulator) -> Frame:
    address = f"http://127.0.0.1:{simulator.port}/spot/api/v3/depth?symbol=BTCUSDT"
    async with aiohttp.ClientSession() as session, session.get(address) as answer:
        frame: Frame = await answer.json()
        return frame


async def test_frames_are_sent_byte_for_byte_once_somebody_listens(serve: Serve, recorded: Path) -> None:
    async with serve(replay=(recorded,), speed=0.0) as simulator:
        await asyncio.sleep(0.2)
        async with socket(simulator, STREAMS) as client, asyncio.timeout(5):
            received = [await client.recv() for _ in range(6)]
    assert received == [frame for frame in FRAMES if frame is not SNAPSHOT]


async def test_the_recorded_snapshot_is_served_before_and_the_book_after_it(serve: Serve, recorded: Path) -> None:
    async with serve(replay=(recorded,), speed=0.0) as simulator:
        early = await snapshot(simulator)
        async with socket(simulator, STREAMS) as client:
            events = [(await receive(client))["data"] for _ in range(6)]
            late = await snapshot(simulator)
    assert early == msgspec.json.decode(SNAPSHOT)
    book = OfficialBook.of(early)
    assert [book.apply(event) for event in events if "u" in event] == [False, False, True, True]
    assert late == {"lastUpdateId": 15, "bids": [["99.90", "1"]], "asks": [["100.10", "2"]]}


async def test_the_pace_is_the_recorded_one_times_the_speed(serve: Serve, recorded: Path) -> None:
    loop = asyncio.get_running_loop()
    async with serve(replay=(recorded,), speed=2.0) as simulator, socket(simulator, STREAMS) as client:
        await receive(client)
        before = loop.time()
        for _ in range(5):
            await receive(client)
    assert 0.2 < loop.time() - before < 0.6


async def test_after_the_end_the_exchange_is_silent_but_healthy(serve: Serve, recorded: Path) -> None:
    async with serve(replay=(recorded,), speed=0.0) as simulator, socket(simulator, STREAMS) as client:
        assert len(await receive_many(client, 2)) == 6
        assert simulator.source.idle_seconds() == 0


async def test_a_loop_starts_again_with_the_book_of_the_start(serve: Serve, recorded: Path) -> None:
    async with serve(replay=(recorded,), speed=1.0, loop=True) as simulator, socket(simulator, STREAMS) as client:
        frames = [await receive(client) for _ in range(12)]
        assert frames[:6] == frames[6:]


async def test_old_depth_names_are_offered_under_the_names_of_today(serve: Serve, tmp_path: Path) -> None:
    path = tmp_path / "futures"
    data = '{"e":"depthUpdate","s":"BTCUSDT","U":1,"u":2,"pu":0,"b":[],"a":[]}'
    path.write_text(f'{START_NS} {{"stream":"btcusdt@depth@0ms","data":{data}}}\n')
    streams = "/usdm/public/stream?streams=btcusdt@depth@100ms"
    async with serve(replay=(path,)) as simulator, socket(simulator, streams) as client:
        frame = await receive(client)
    assert frame == {"stream": "btcusdt@depth@100ms", "data": msgspec.json.decode(data)}


def test_a_replay_with_a_truth_log_is_refused(settings: SimSettings, recorded: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="recordings"):
        Simulator(replace(settings, replay=(recorded,), truth=tmp_path / "truth"))
