import asyncio
from itertools import pairwise
from pathlib import Path

import aiohttp
import msgspec
import pytest

from marketprism.sim.server import Simulator
from tests.sim.binance.checker import OfficialBook, compared
from tests.sim.conftest import Frame, Serve, receive_many, receive_rest, socket

SPOT = ("/spot/stream?streams=btcusdt@trade/btcusdt@depth@100ms/btcusdt@bookTicker", "/spot/api/v3")
USDM = ("/usdm/public/stream?streams=btcusdt@depth@100ms/btcusdt@bookTicker", "/usdm/fapi/v1")


async def snapshot(simulator: Simulator, base: str) -> Frame:
    address = f"http://127.0.0.1:{simulator.port}{base}/depth?symbol=BTCUSDT&limit=1000"
    async with aiohttp.ClientSession() as session, session.get(address) as answer:
        frame: Frame = await answer.json()
        return frame


@pytest.mark.parametrize(("streams", "base"), [SPOT, USDM], ids=["spot", "usdm"])
async def test_a_client_builds_the_exact_book_from_snapshot_and_deltas(serve: Serve, streams: str, base: str) -> None:
    async with serve() as simulator, socket(simulator, streams) as client:
        frames = await receive_many(client, 0.6)
        first = await snapshot(simulator, base)
        frames += await receive_many(client, 4)
    events = [frame["data"] for frame in frames]
    book = OfficialBook.of(first)
    assert compared(book, events) >= 3
    assert book.applied >= 6


async def test_a_snapshot_may_be_older_than_the_stream_and_a_later_one_bridges(serve: Serve) -> None:
    """The kept copy is renewed once a second, so most first attempts meet an old one."""
    async with serve(stale_every=1) as simulator:
        for _ in range(20):
            async with socket(simulator, USDM[0]) as client:
                frames = await receive_many(client, 0.3)
                first = next(frame["data"]["U"] for frame in frames if frame["data"]["e"] == "depthUpdate")
                found = await snapshot(simulator, USDM[1])
                if found["lastUpdateId"] >= first:
                    continue
                while found["lastUpdateId"] < first:
                    frames += await receive_many(client, 0.1)
                    found = await snapshot(simulator, USDM[1])
                frames += await receive_many(client, 0.3)
            break
    book = OfficialBook.of(found)
    compared(book, [frame["data"] for frame in frames])
    assert book.applied >= 2


async def test_truth_log_equals_what_the_client_received(serve: Serve, tmp_path: Path) -> None:
    """Nothing more, nothing less, up to the last frame before the exchange stopped."""
    truth = tmp_path / "truth.jsonl"
    received: list[Frame] = []
    async with serve(truth=truth) as simulator:
        client = await socket(simulator, SPOT[0])
        received += await receive_many(client, 1.2)
        served = await snapshot(simulator, SPOT[1])
    received += await receive_rest(client)
    rows = [msgspec.json.decode(line) for line in truth.read_bytes().splitlines()]
    assert all(row["sent"] for row in rows)
    by_kind: dict[str, list[Frame]] = {}
    for row in rows:
        by_kind.setdefault(row["kind"], []).append(row["event"])
    events = [frame["data"] for frame in received]
    assert by_kind["trade"] == [event for event in events if event.get("e") == "trade"]
    assert by_kind["bookTicker"] == [event for event in events if "A" in event]
    updates = [event for event in events if event.get("e") == "depthUpdate"]
    assert [(row["U"], row["u"]) for row in by_kind["depthUpdate"]] == [(each["U"], each["u"]) for each in updates]
    assert [row["u"] for row in by_kind["snapshot"]] == [served["lastUpdateId"]]
    assert "aggTrade" not in by_kind  # nobody subscribed


async def test_ids_continue_without_a_gap_over_a_clean_restart(serve: Serve, tmp_path: Path) -> None:
    """The exchange was closed in between: nothing happened, so nothing can have been missed."""
    truth = tmp_path / "truth.jsonl"
    for _ in range(2):
        async with serve(state=tmp_path / "state.json", truth=truth, truth_all=True):
            await asyncio.sleep(0.7)
    rows = [msgspec.json.decode(line) for line in truth.read_bytes().splitlines()]
    streams: dict[str, list[Frame]] = {}
    for row in rows:
        streams.setdefault(f"{row['venue']} {row['stream']}", []).append(row["event"])
    for name in ("binance-spot btcusdt@depth@100ms", "binance-spot btcusdt@depth", "binance-spot ethusdt@depth@100ms"):
        assert all(after["U"] == before["u"] + 1 for before, after in pairwise(streams[name]))
    for name in ("binance-usdm btcusdt@depth@100ms", "binance-usdm btcusdt@depth@500ms"):
        assert all(after["pu"] == before["u"] for before, after in pairwise(streams[name]))
    sold = [event["t"] for event in streams["binance-spot btcusdt@trade"]]
    assert sold == list(range(sold[0], sold[0] + len(sold)))


async def test_events_nobody_asked_for_are_logged_only_on_request(serve: Serve, tmp_path: Path) -> None:
    for everything in (False, True):
        truth = tmp_path / f"{everything}.jsonl"
        async with serve(truth=truth, truth_all=everything):
            await asyncio.sleep(0.3)
        assert truth.exists() == everything
    rows = [msgspec.json.decode(line) for line in truth.read_bytes().splitlines()]
    assert {row["sent"] for row in rows} == {False}
