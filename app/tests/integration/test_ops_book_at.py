"""Books of any instant: rebuilt from a snapshot and later changes, they equal the snapshot of that moment."""

import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from marketprism.cli import app
from marketprism.clickhouse_http import ClickHouseHttp
from marketprism.contract.catalog import HOT_DATABASE
from marketprism.contract.events import BookSnapshot, Gap
from marketprism.contract.instruments import Instrument, Source
from marketprism.contract.numbers import multiply
from marketprism.ops.book_at import Book, UnprovenBookError, Wanted, book_at, levels_sql
from marketprism.ops.replay import read_lines, replay
from marketprism.pipeline.feed import Feed
from marketprism.pipeline.outputs import Record
from marketprism.settings import Settings
from marketprism.venues.binance.adapter import Binance
from marketprism.venues.binance.markets import SPOT, USDM
from marketprism.venues.binance.markets import instrument as binance_instrument
from marketprism.venues.okx import markets as okx
from marketprism.venues.okx.adapter import Okx
from marketprism.venues.protocol import RestRequest
from tests.integration.servers import ClickHouseServer
from tests.integration.stored import store
from tests.recordings import RECORDINGS, needs_recording

pytestmark = pytest.mark.integration
NOON_MS = 1_767_268_800_000
RECORDING = "hftbacktest/usdm/btcusdt_20240808.gz"
TYPES = ("orderbook", "orderbook_delta")
BTC = binance_instrument(SPOT, "BTC-USDT")
SWAP = okx.instrument(okx.SWAP, "BTC-USDT", contract_size="0.01")
Levels = list[tuple[str, str]]


class Ladder:
    """A book of 150 levels a side whose prices wander, and its changes every 100 ms."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._middle = 6_400_000
        self.bids = {self._middle - 10 * i: f"{i}.25" for i in range(1, 151)}
        self.asks = {self._middle + 10 * i: f"{i}.5" for i in range(1, 151)}

    @staticmethod
    def text(levels: dict[int, str]) -> Levels:
        return [(f"{cents // 100}.{cents % 100:02d}", quantity) for cents, quantity in levels.items()]

    def change(self) -> tuple[Levels, Levels]:
        self._middle += self._random.choice((-10, 0, 10))
        changed: tuple[dict[int, str], dict[int, str]] = ({}, {})
        for side, mine, sign in ((self.bids, changed[0], -1), (self.asks, changed[1], 1)):
            mine.update({cents: "0" for cents in side if (cents - self._middle) * sign <= 0})
            for _ in range(6):
                quantity = self._random.choice(("0", "0.001", "12.75", "3"))
                mine[self._middle + sign * 10 * self._random.randint(1, 110)] = quantity
            for cents, quantity in mine.items():
                if quantity == "0":
                    side.pop(cents, None)
                else:
                    side[cents] = quantity
        return self.text(changed[0]), self.text(changed[1])


def spot(changes: int) -> list[Record]:
    """A book whose image comes over REST; ids of its changes are contiguous."""
    adapter = Binance(SPOT, [BTC], TYPES)
    feed, ladder, first_id = Feed(adapter, book_changes=True), Ladder(1), 1000
    (request,) = adapter.book_request(BTC)
    assert isinstance(request, RestRequest)
    image = {"lastUpdateId": 999, "bids": Ladder.text(ladder.bids), "asks": Ladder.text(ladder.asks)}
    outputs = []
    for number in range(changes):
        bids, asks = ladder.change()
        at_ms, last_id = NOON_MS + 100 * number, first_id + number % 4
        data = {"e": "depthUpdate", "E": at_ms, "s": "BTCUSDT", "U": first_id, "u": last_id, "b": bids, "a": asks}
        frame = json.dumps({"stream": "btcusdt@depth@100ms", "data": data}).encode()
        outputs += feed.feed(frame, at_ms * 1_000_000 + 5)
        if number == 0:
            outputs += feed.answer(request, json.dumps(image).encode(), at_ms * 1_000_000 + 9)
        first_id = last_id + 1
    return [output for output in outputs if isinstance(output, Record)]


def swap(changes: int) -> list[Record]:
    """A book whose image comes in the stream; ids jump, and sizes are contracts."""
    feed, ladder, last_id = Feed(Okx(okx.SWAP, [SWAP], TYPES), book_changes=True), Ladder(2), -1
    outputs = []
    for number in range(changes):
        at_ms, action = NOON_MS + 100 * number, "update" if number else "snapshot"
        bids, asks = ladder.change() if number else (Ladder.text(ladder.bids), Ladder.text(ladder.asks))
        data = {"bids": _rows(bids), "asks": _rows(asks), "ts": str(at_ms), "checksum": 0}
        data |= {"seqId": last_id + 1 + number % 7, "prevSeqId": last_id}
        last_id = data["seqId"]
        body = {"arg": {"channel": "books", "instId": SWAP.name}, "action": action, "data": [data]}
        outputs += feed.feed(json.dumps(body).encode(), at_ms * 1_000_000 + 5)
    return [output for output in outputs if isinstance(output, Record)]


def _rows(levels: Levels) -> list[list[str]]:
    return [[price, quantity, "0", "1"] for price, quantity in levels]


def recorded() -> Iterator[Record]:
    adapter = Binance(USDM, [binance_instrument(USDM, "BTC-USDT")], TYPES)
    (request,) = adapter.book_request(next(iter(adapter.instruments().values())))
    assert isinstance(request, RestRequest)
    feed = Feed(adapter, book_changes=True)
    for _, output in replay(read_lines(RECORDINGS / RECORDING), feed, request):
        if isinstance(output, Record):
            yield output


def wanted(instrument: Instrument, time_us: int, depth: int = 100) -> Wanted:
    return Wanted(
        database=HOT_DATABASE,
        source=Source.SIMULATED,
        exchange=instrument.exchange,
        market=instrument.market,
        symbol=instrument.symbol,
        time_us=time_us,
        depth=depth,
    )


def split(records: list[Record], every: int) -> tuple[list[Record], list[Record]]:
    """Return what is stored, and the snapshots that are not: of these, every n-th is stored only."""
    snapshots = [record for record in records if isinstance(record.event, BookSnapshot)]
    held_back = [record for index, record in enumerate(snapshots) if index % every]
    return [record for record in records if record not in held_back], held_back


def base(instrument: Instrument, levels: Levels) -> Levels:
    return [(multiply(price, "1"), multiply(quantity, instrument.contract_size)) for price, quantity in levels]


def assert_equal(book: Book, snapshot: Record) -> None:
    event = snapshot.event
    assert isinstance(event, BookSnapshot)
    assert book.evidence.last_id == event.update_id
    for rebuilt, levels in ((book.bids, event.bids), (book.asks, event.asks)):
        assert rebuilt == base(snapshot.instrument, levels)[: len(rebuilt)]
        assert len(rebuilt) >= 80


@pytest.mark.parametrize("make", [spot, swap], ids=["binance-spot", "okx-swap"])
def test_a_rebuilt_book_equals_the_snapshot_of_that_moment(make, tables: ClickHouseServer, settings: Settings) -> None:
    stored, held_back = split(make(160), every=3)
    store(tables, stored)
    clickhouse = ClickHouseHttp(settings, "reader")
    assert len(held_back) >= 10
    for snapshot in held_back:
        book = book_at(clickhouse, wanted(snapshot.instrument, snapshot.event.timestamp_us))
        assert book.evidence.changes >= 9
        assert_equal(book, snapshot)


@needs_recording(RECORDING)
def test_a_recorded_futures_book_equals_the_snapshot_of_that_moment(
    tables: ClickHouseServer, settings: Settings
) -> None:
    records = [record for record, _ in zip(recorded(), range(2000), strict=False)]
    stored, held_back = split(records, every=2)
    store(tables, stored)
    clickhouse = ClickHouseHttp(settings, "reader")
    assert len(held_back) >= 8
    for snapshot in held_back[:-1]:
        book = book_at(clickhouse, wanted(snapshot.instrument, snapshot.event.timestamp_us, depth=20))
        levels = {"bids": snapshot.event.bids, "asks": snapshot.event.asks}
        assert (book.evidence.last_id, book.bids) == (
            snapshot.event.update_id,
            base(snapshot.instrument, levels["bids"])[:20],
        )
        assert book.asks == base(snapshot.instrument, levels["asks"])[:20]


def test_stream_order_does_not_matter(tables: ClickHouseServer, settings: Settings) -> None:
    stored, held_back = split(spot(30), every=3)
    store(tables, stored[::-1])
    assert_equal(
        book_at(ClickHouseHttp(settings, "reader"), wanted(BTC, held_back[0].event.timestamp_us)), held_back[0]
    )


def test_a_lost_change_is_noticed(tables: ClickHouseServer, settings: Settings) -> None:
    stored, held_back = split(spot(30), every=3)
    lost = [record for record in stored if record.data_type == "orderbook_delta"][3]
    store(tables, [record for record in stored if record is not lost])
    with pytest.raises(
        UnprovenBookError, match=f"changes after update id {lost.event.first_update_id - 1} are missing"
    ):
        book_at(ClickHouseHttp(settings, "reader"), wanted(BTC, held_back[0].event.timestamp_us))


@pytest.mark.parametrize(
    ("make", "earlier", "why"),
    [
        pytest.param(spot, 1, "changes after update id {before} are missing", id="contiguous ids tell"),
        pytest.param(
            swap, 0, "no stored change leads to the next snapshot, of update id {lost}", id="the snapshot tells"
        ),
    ],
)
def test_a_change_that_was_lost_after_the_last_stored_one_is_noticed(
    make, earlier: int, why: str, tables: ClickHouseServer, settings: Settings
) -> None:
    records = make(30)
    changes = [record for record in records if record.data_type == "orderbook_delta"]
    snapshot = [record.event for record in records if record.data_type == "orderbook"][2]
    (last,) = (n for n, each in enumerate(changes) if each.event.last_update_id == snapshot.update_id)
    lost, before = changes[last - earlier], changes[last - earlier - 1].event
    store(tables, [record for record in records if record is not lost])
    clickhouse = ClickHouseHttp(settings, "reader")
    known = book_at(clickhouse, wanted(lost.instrument, before.timestamp_us))
    assert known.evidence.last_id == before.last_update_id
    with pytest.raises(
        UnprovenBookError, match=why.format(before=before.last_update_id, lost=lost.event.last_update_id)
    ):
        book_at(clickhouse, wanted(lost.instrument, before.timestamp_us + 1))


@pytest.mark.parametrize("make", [spot, swap], ids=["binance-spot", "okx-swap"])
def test_where_changes_are_not_collected_a_snapshot_stands_for_its_own_time(
    make, tables: ClickHouseServer, settings: Settings
) -> None:
    snapshots = [record for record in make(30) if record.data_type == "orderbook"]
    store(tables, snapshots)
    clickhouse = ClickHouseHttp(settings, "reader")
    for snapshot in (snapshots[0], snapshots[-1]):
        time_us = snapshot.event.timestamp_us
        assert_equal(book_at(clickhouse, wanted(snapshot.instrument, time_us)), snapshot)
        with pytest.raises(UnprovenBookError, match="no change of it is stored"):
            book_at(clickhouse, wanted(snapshot.instrument, time_us + 1))


def test_a_hole_of_the_ledger_ends_what_is_known(tables: ClickHouseServer, settings: Settings) -> None:
    stored, held_back = split(swap(30), every=3)
    hole = [record.event for record in stored if record.data_type == "orderbook_delta"][3]
    gap = Gap(
        data_type="orderbook",
        after_id=hole.last_update_id,
        before_id=hole.last_update_id + 9,
        size=None,
        timestamp_us=hole.timestamp_us + 1,
        receive_ns=hole.receive_ns,
    )
    store(tables, [*stored, Record("gap", SWAP, gap)])
    clickhouse = ClickHouseHttp(settings, "reader")
    assert book_at(clickhouse, wanted(SWAP, hole.timestamp_us)).evidence.last_id == hole.last_update_id
    with pytest.raises(UnprovenBookError, match=f"hole after update id {hole.last_update_id}"):
        book_at(clickhouse, wanted(SWAP, held_back[0].event.timestamp_us))


def test_the_printed_query_and_the_command_show_the_same(
    tables: ClickHouseServer, config_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = spot(30)
    store(tables, records)
    monkeypatch.setenv("MARKETPRISM_CONFIG", str(config_file))
    arguments = ["book-at", "binance", "spot", "BTC-USDT", "2026-01-01T12:00:01.550", "--depth", "2"]
    printed = CliRunner().invoke(app, [*arguments, "--sql"], catch_exceptions=False).stdout
    assert printed == levels_sql(wanted(BTC, NOON_MS * 1000 + 1_550_000, depth=2)) + "\n"
    lines = tables.query(printed).splitlines()
    shown = json.loads(CliRunner().invoke(app, [*arguments, "--json"], catch_exceptions=False).stdout)
    assert [line.split("\t")[1:] for line in lines] == shown["bids"] + shown["asks"]
    assert [line.split("\t")[0] for line in lines] == ["bid", "bid", "ask", "ask"]
    assert (shown["book"], shown["changed"]) == ("simulated binance.spot.BTC-USDT", "2026-01-01T12:00:01.500000Z")
    text = CliRunner().invoke(app, arguments, catch_exceptions=False).stdout
    assert f"update_id    {shown['update_id']}" in text
    assert shown["bids"][0][0] in text
