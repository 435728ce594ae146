from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from marketprism.sim.floor import Floor
from marketprism.sim.hub import Hub
from marketprism.sim.injection import Faults
from marketprism.sim.instruments import MarketKind, Pair
from marketprism.sim.market import Market
from marketprism.sim.okx.books import signed_crc
from marketprism.sim.okx.depth import Depth
from marketprism.sim.okx.faults import FAULTS
from marketprism.sim.okx.listings import listing
from marketprism.sim.okx.rules import OkxRules
from marketprism.sim.opening import opening_state
from marketprism.sim.settings import SimSettings
from tests.sim.conftest import Frame, Serve, inject, receive, receive_many, socket

from .conftest import receive_rows, subscription

PUBLIC = "/ws/v5/public"
BOOKS = subscription(("books", "BTC-USDT"))
LEVELS = 400


class Book:
    """A book kept by the documented rules, as a client would; an assertion fails where one is broken."""

    def __init__(self) -> None:
        self.sides: dict[str, dict[Decimal, str]] = {"bids": {}, "asks": {}}
        self.last = -1

    def apply(self, frame: Frame) -> Frame:
        (row,) = frame["data"]
        assert (frame["action"] == "snapshot") == (row["prevSeqId"] == -1)
        assert row["prevSeqId"] in {-1, self.last}
        if frame["action"] == "snapshot":
            self.sides = {"bids": {}, "asks": {}}
        for name, side in self.sides.items():
            for price, size, _, _ in row[name]:
                if size == "0":
                    del side[Decimal(price)]  # a level that was never sent would be an error of the simulator
                else:
                    side[Decimal(price)] = size
        self.last = row["seqId"]
        assert max(self.sides["bids"]) < min(self.sides["asks"]), "crossed book"
        assert max(map(len, self.sides.values())) <= LEVELS
        return row


async def test_a_book_starts_with_400_levels_a_side_and_follows_without_a_gap(serve: Serve) -> None:
    book = Book()
    async with serve() as simulator, socket(simulator, PUBLIC) as client:
        await client.send(BOOKS)
        frames = await receive_rows(client, "books", 12)
    for frame in frames:
        book.apply(frame)
    assert [frame["action"] for frame in frames] == ["snapshot", *["update"] * 11]
    assert [len(frames[0]["data"][0][side]) for side in ("bids", "asks")] == [LEVELS, LEVELS]
    assert {row["data"][0]["checksum"] for row in frames} == {0}
    assert {len(side) for side in book.sides.values()} == {LEVELS}


async def test_whoever_comes_later_joins_the_same_chain(serve: Serve) -> None:
    first, second = Book(), Book()
    async with serve() as simulator, socket(simulator, PUBLIC) as early, socket(simulator, PUBLIC) as late:
        await early.send(BOOKS)
        seen = await receive_rows(early, "books", 4)
        await late.send(BOOKS)
        joined = await receive_rows(late, "books", 4)
        while seen[-1]["data"][0]["seqId"] != joined[-1]["data"][0]["seqId"]:
            seen += await receive_rows(early, "books", 1)
    for book, frames in ((first, seen), (second, joined)):
        for frame in frames:
            book.apply(frame)
    assert first.sides == second.sides


async def test_subscribing_again_starts_with_the_book_of_then(serve: Serve) -> None:
    book = Book()
    async with serve() as simulator, socket(simulator, PUBLIC) as client:
        await client.send(BOOKS)
        old = (await receive_rows(client, "books", 1))[0]
        await client.send(subscription(("books", "BTC-USDT"), op="unsubscribe"))
        while (await receive(client)).get("event") != "unsubscribe":
            pass
        await receive_many(client, 0.3)
        await client.send(BOOKS)
        frames = await receive_rows(client, "books", 4)
    for frame in frames:
        book.apply(frame)
    assert frames[0]["data"][0]["seqId"] > old["data"][0]["seqId"]


def test_a_change_out_of_sight_moves_nobodys_chain(settings: SimSettings) -> None:
    about = listing(MarketKind.OKX_SPOT, Pair("BTC", "USDT"))
    assert about
    floor = Floor(replace(settings, markets=(MarketKind.OKX_SPOT,)), Hub(), Faults(FAULTS), None)
    market = Market(about, seed=1, rate=1, state=opening_state(about, seed=1, update_id=10, trade_id=1))
    depth = Depth(floor, market, about, keepalive_seconds=60)
    (first,) = depth.snapshot(0)["data"]
    floor.hub.subscribe(depth.channel, Nobody())
    market.book.change(market.book.bids, market.book.bids.price_at(-1), 7)
    (out_of_sight,) = market.book.flush()
    assert list(depth.updates(out_of_sight, 0)) == []
    assert depth.snapshot(0)["data"][0]["seqId"] == first["seqId"] == 10
    market.book.change(market.book.bids, market.book.bids.best, 7)
    (in_sight,) = market.book.flush()
    (publication,) = depth.updates(in_sight, 0)
    (row,) = publication.render()["data"]
    assert (row["prevSeqId"], row["seqId"]) == (10, in_sight.last_id)


class Nobody:
    def deliver(self, stream: str, event: bytes) -> bool:
        return False

    def crowded(self) -> bool:
        return False


async def test_after_a_reset_ids_are_small_and_the_chain_is_whole(serve: Serve) -> None:
    book = Book()
    async with serve() as simulator, socket(simulator, PUBLIC) as client:
        await client.send(BOOKS)
        frames = await receive_rows(client, "books", 2)
        inject(simulator, fault="seq-reset", venue="okx-spot", symbol="BTC-USDT")
        frames += await receive_rows(client, "books", 3)
    rows = [book.apply(frame) for frame in frames]
    reset = rows[2]
    assert (reset["seqId"], reset["prevSeqId"]) == (3, rows[1]["seqId"])
    assert rows[4]["seqId"] > rows[3]["seqId"] > 3


async def test_an_empty_update_repeats_the_last_id(serve: Serve) -> None:
    async with serve() as simulator, socket(simulator, PUBLIC) as client:
        await client.send(BOOKS)
        (before,) = await receive_rows(client, "books", 1)
        inject(simulator, fault="empty-update", venue="okx-spot", symbol="BTC-USDT")
        while (empty := (await receive_rows(client, "books", 1))[0])["data"][0]["bids"]:
            before = empty  # a change that was under way already
    (row,), last = empty["data"], before["data"][0]["seqId"]
    assert (row["asks"], row["bids"], row["prevSeqId"], row["seqId"]) == ([], [], last, last)


async def test_a_market_that_stands_still_is_said_to_be_alive(serve: Serve) -> None:
    rules = OkxRules(connections_per_second=100, keepalive_seconds=0.3)
    async with serve(rules) as simulator, socket(simulator, PUBLIC) as client:
        await client.send(BOOKS)
        await receive_rows(client, "books", 2)
        inject(simulator, fault="delisted", venue="okx-spot", symbol="BTC-USDT")
        frames = await receive_many(client, 1.0)
    ids = [(frame["data"][0]["prevSeqId"], frame["data"][0]["seqId"]) for frame in frames[-2:]]
    assert len({number for pair in ids for number in pair}) == 1
    empty = [frame for frame in frames if frame["data"][0]["bids"] == frame["data"][0]["asks"] == []]
    assert frames[-2:] == empty[-2:]
    assert len(empty) <= 4  # one in 0.3 s, not one a tick


@pytest.mark.parametrize("off_by", [0, 1])
async def test_a_checksum_of_old_can_be_switched_on(serve: Serve, off_by: int) -> None:
    book = Book()
    async with serve() as simulator, socket(simulator, PUBLIC) as client:
        inject(simulator, fault="checksum", venue="okx-spot", off_by=off_by)
        await client.send(BOOKS)
        frames = await receive_rows(client, "books", 5)
    for frame in frames:
        row = book.apply(frame)
        bids, asks = (
            [(format(price, "f"), side[price]) for price in sorted(side, reverse=name == "bids")[:25]]
            for name, side in book.sides.items()
        )
        assert row["checksum"] == signed_crc(bids, asks) + off_by


async def test_a_lost_update_breaks_the_chain_and_stays_in_the_truth_log(serve: Serve, tmp_path: Path) -> None:
    truth = tmp_path / "truth.jsonl"
    async with serve(truth=truth) as simulator, socket(simulator, PUBLIC) as client:
        await client.send(BOOKS)
        frames = await receive_rows(client, "books", 2)
        inject(simulator, fault="gap", venue="okx-spot", symbol="BTC-USDT", count=1)
        frames += await receive_rows(client, "books", 2)
    before, after = frames[1]["data"][0], frames[2]["data"][0]
    assert after["prevSeqId"] > before["seqId"]
    rows = [row for row in _rows(truth) if row["kind"] == "books"]
    (lost,) = [row for row in rows if not row["sent"]]
    assert (lost["fault"], lost["symbol"], lost["venue"]) == ("gap", "BTC-USDT", "okx-spot")
    assert (lost["event"]["prevSeqId"], lost["event"]["seqId"]) == (before["seqId"], after["prevSeqId"])


async def test_the_truth_log_notes_snapshot_and_best_levels(serve: Serve, tmp_path: Path) -> None:
    truth, book = tmp_path / "truth.jsonl", Book()
    async with serve(truth=truth) as simulator, socket(simulator, PUBLIC) as client:
        await client.send(BOOKS)
        frames = await receive_rows(client, "books", 6)
    noted = {row["event"]["seqId"]: row for row in _rows(truth)}
    for frame in frames:
        row = book.apply(frame)
        event = noted[row["seqId"]]["event"]
        bid, ask = max(book.sides["bids"]), min(book.sides["asks"])
        assert event["bid"] == [format(bid, "f"), book.sides["bids"][bid]]
        assert event["ask"] == [format(ask, "f"), book.sides["asks"][ask]]
        assert event["levels"] == [len(row["bids"]), len(row["asks"])]
    assert [row["kind"] for row in noted.values()][:2] == ["snapshot", "books"]


def _rows(path: Path) -> list[dict[str, Any]]:
    return [msgspec.json.decode(line) for line in path.read_bytes().splitlines()]
