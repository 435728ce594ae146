"""The audit against real servers: silent where all is well, and every injected fault found with its number."""

import asyncio
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from nats.aio.client import Client as NatsClient
from typer.testing import CliRunner

from marketprism.cli import app
from marketprism.clickhouse_http import ClickHouseHttp
from marketprism.contract.catalog import STREAMS, subject
from marketprism.contract.events import BookChange, Event, Gap, SnapshotReason, TradeIdKind
from marketprism.contract.instruments import Source
from marketprism.errors import UnavailableError
from marketprism.ops.audit import Audit, Line, audit
from marketprism.ops.dead_letters import letters, retry
from marketprism.ops.delivery import delivery, settled
from marketprism.ops.holes import Verdict
from marketprism.ops.sequences import Count, Window
from marketprism.ops.stored_events import are_stored
from marketprism.ops.streams import JetStream
from marketprism.ops.streams import connect as connect_admin
from marketprism.pipeline.outputs import Record
from marketprism.settings import Settings
from marketprism.venues.okx import markets as okx
from tests.integration.conftest import api, connect
from tests.integration.flows import BTC, Publisher, StorageService, trade
from tests.integration.servers import ClickHouseServer, NatsServer, eventually
from tests.integration.stored import store
from tests.storage.envelopes import NOON_US, SAMPLES, book, envelope
from tests.storage.envelopes import trade as trade_at_noon

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("streams")]
SWAP = okx.instrument(okx.SWAP, "BTC-USDT")
NOON = Window(Source.SIMULATED, NOON_US - 1, NOON_US + 3_600_000_000)
SPOT_PLACE, SWAP_PLACE = ("binance", "spot", "BTC-USDT"), ("okx", "perpetual", "BTC-USDT")


@pytest.fixture
def storage(
    tmp_path: Path, config_file: Path, settings: Settings, tables: ClickHouseServer
) -> Iterator[StorageService]:
    service = StorageService(tmp_path, config_file, settings)
    service.start()
    yield service
    service.stop()


@pytest.fixture
async def publisher(nats_server: NatsServer):
    client = await connect(nats_server, "collector")
    yield Publisher(client)
    await client.close()


def lately() -> Window:
    return Window(Source.SIMULATED, time.time_ns() // 1000 - 600_000_000, time.time_ns() // 1000 + 1_000_000)


async def look(settings: Settings, window: Window = NOON) -> Audit:
    return await audit(settings, window, settle_seconds=0)


def line(found: Audit, data_type: str, place: tuple[str, str, str] = SPOT_PLACE) -> Line:
    return next(each for each in found.lines if (each.data_type, each.place) == (data_type, place))


def records(data_type: str, *events: Event) -> list[Record]:
    return [Record(data_type, BTC, event) for event in events]


def gap(after_id: int, before_id: int, **changes: object) -> Gap:
    values = {
        "data_type": "trade",
        "size": before_id - after_id - 1,
        "timestamp_us": NOON_US,
        "receive_ns": NOON_US * 1000,
    }
    return Gap(after_id=after_id, before_id=before_id, **(values | changes))


async def flow(publisher: Publisher, tables: ClickHouseServer) -> None:
    """Ten messages of fifty trades; five of them again under other ids; one that nobody can read."""
    messages = [[trade(10_000 + 50 * number + i) for i in range(50)] for number in range(10)]
    for each in (*messages, *messages[:5]):
        await publisher.publish(each)
    await publisher.send(subject("trade", BTC), b"no envelope")
    last = trade(10_500)
    await publisher.publish([last])
    query = "SELECT count() FROM marketprism_hot.trades"
    await asyncio.to_thread(eventually, lambda: tables.number(query) >= 501, 20)
    await asyncio.sleep(0.5)  # the acknowledgement follows the insert


async def test_a_sound_flow_agrees_and_says_what_became_of_every_message(
    publisher: Publisher, storage: StorageService, tables: ClickHouseServer, settings: Settings
):
    await flow(publisher, tables)
    found = await look(settings, lately())
    assert found.differences == []
    (of_trades, *others) = found.deliveries
    assert replace(of_trades, first=1) == of_trades
    assert (of_trades.messages, of_trades.stored, of_trades.rows) == (17, 11, 501)
    assert (of_trades.dead_lettered, of_trades.repeated, of_trades.lost, of_trades.pending) == (1, 5, 0, 0)
    assert [(each.stream, each.messages) for each in others] == [("ORDERBOOK_SNAP", 0), ("ORDERBOOK_DELTA", 0)]
    counted = line(found, "trade")
    assert (counted.count, counted.verdict) == (Count(501), Verdict())
    assert line(found, "orderbook", ("deribit", "perpetual", "BTC-USD")).count == Count()
    assert found.collector is None


async def test_rows_that_vanished_are_lost_messages_and_missing_ids(
    publisher: Publisher, storage: StorageService, tables: ClickHouseServer, settings: Settings
):
    await flow(publisher, tables)
    tables.query("ALTER TABLE marketprism_hot.trades DELETE WHERE stream_seq IN (7, 8) SETTINGS mutations_sync = 2")
    found = await look(settings, lately())
    assert found.differences == [
        "MARKET_DATA: 2 messages are nowhere",
        "trade binance spot BTC-USDT: 100 missing ids are in no ledger",
    ]
    assert line(found, "trade").verdict == Verdict(missing=100)


async def test_a_second_collector_s_messages_are_no_loss_however_many(
    publisher: Publisher,
    storage: StorageService,
    tables: ClickHouseServer,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
):
    trades = [trade(10_000 + number) for number in range(2_500)]
    for each in (*trades, *trades):
        await publisher.publish([each])
    await publisher.publish([trade(20_000)])
    query = "SELECT count() FROM marketprism_hot.trades"
    await asyncio.to_thread(eventually, lambda: tables.number(query) == 2_501, 20)
    await asyncio.sleep(0.5)  # the acknowledgement follows the insert
    (found, *_) = (await look(settings, lately())).deliveries
    assert (found.stored, found.repeated, found.lost, found.unknown) == (2_501, 2_500, 0, 0)
    gone = "trade_id IN (10001, 11500, 12499)"
    tables.query(f"ALTER TABLE marketprism_hot.trades DELETE WHERE {gone} SETTINGS mutations_sync = 2")
    (found, *_) = (await look(settings, lately())).deliveries
    assert (found.stored, found.repeated, found.lost, found.unknown) == (2_498, 2_497, 6, 0)
    monkeypatch.setattr("marketprism.ops.delivery.MOST_LOOKED_UP", 100)
    assert (await look(settings, lately())).differences[:2] == [
        "MARKET_DATA: 4 messages are nowhere",
        "MARKET_DATA: 2403 messages without rows were too many to look up, or NATS refuses them; audit a shorter time",
    ]


class Damaged(JetStream):
    """JetStream that answers with errors where it is asked for some messages, as it does when its disk fails."""

    errors: Mapping[int, int] = {}

    async def call(self, subject: str, body: object = None) -> dict[str, Any]:
        if subject == "STREAM.MSG.GET.MARKET_DATA" and body.keys() == {"seq"} and body["seq"] in self.errors:
            return {"error": {"code": 404, "err_code": self.errors[body["seq"]], "description": "an error"}}
        return await super().call(subject, body)


async def test_only_what_a_stream_removed_is_absent(
    publisher: Publisher,
    storage: StorageService,
    tables: ClickHouseServer,
    settings: Settings,
    nats_admin: NatsClient,
):
    """What it cannot read any more is lost, and what it refuses to show is unknown."""
    for number in range(1, 9):
        await publisher.publish([trade(number)])
    await asyncio.to_thread(eventually, lambda: tables.number("SELECT count() FROM marketprism_hot.trades") == 8, 20)
    await asyncio.sleep(0.5)  # the acknowledgement follows the insert
    tables.query("ALTER TABLE marketprism_hot.trades DELETE WHERE trade_id IN (3, 4, 5, 6) SETTINGS mutations_sync = 2")
    await api(nats_admin, "STREAM.MSG.DELETE.MARKET_DATA", {"seq": 3})
    jetstream, clickhouse = Damaged(nats_admin), ClickHouseHttp(settings, "reader")
    jetstream.errors = {4: 10037, 5: 10076}
    found = await delivery(jetstream, clickhouse, STREAMS["MARKET_DATA"], 0)
    assert (found.messages, found.stored, found.lost, found.unknown) == (7, 4, 2, 1)
    await api(nats_admin, "STREAM.PURGE.MARKET_DATA", {"seq": 5})
    found = await delivery(jetstream, clickhouse, STREAMS["MARKET_DATA"], 0)
    assert (found.first, found.messages, found.stored, found.lost, found.unknown) == (5, 4, 2, 1, 1)


async def test_a_message_that_was_published_again_in_vain_is_laid_aside(
    publisher: Publisher, storage: StorageService, tables: ClickHouseServer, settings: Settings, nats_admin: NatsClient
):
    await publisher.send(subject("trade", BTC), b"no envelope")

    async def is_laid_aside(sequence: int) -> None:
        async with connect_admin(settings) as jetstream:
            for _ in range(100):
                if [letter.stream_sequence async for letter in letters(jetstream)] == [sequence]:
                    return
                await asyncio.sleep(0.1)
        raise AssertionError(f"message {sequence} is no dead letter")

    await is_laid_aside(1)
    for again in (1, 2):
        async with connect_admin(settings) as jetstream:
            await retry(jetstream, [again])
        await is_laid_aside(again + 1)
    await asyncio.sleep(0.5)  # the acknowledgement follows
    found = await look(settings, lately())
    assert found.differences == []
    assert (found.deliveries[0].messages, found.deliveries[0].dead_lettered) == (3, 3)


async def test_an_event_that_cannot_be_stored_is_not_stored(tables: ClickHouseServer, settings: Settings):
    sound = SAMPLES["liquidation"]
    store(tables, records("liquidation", sound))
    wrong = [msgspec.structs.replace(sound, price=price) for price in ("NaN", "1e5", "", "9" * 5000)]
    envelopes = [envelope(event, data_type="liquidation") for event in (sound, *wrong, sound)]
    assert are_stored(ClickHouseHttp(settings, "reader"), envelopes) == [True, False, False, False, False, True]


async def test_messages_that_came_before_the_window_are_left_out(
    publisher: Publisher, storage: StorageService, tables: ClickHouseServer, settings: Settings
):
    await publisher.publish([trade(1)])
    await asyncio.sleep(0.01)
    window = replace(lately(), since_us=time.time_ns() // 1000)
    await asyncio.sleep(0.01)
    await publisher.publish([trade(2), trade(3)])
    await asyncio.to_thread(eventually, lambda: tables.number("SELECT count() FROM marketprism_hot.trades") == 3, 20)
    await asyncio.sleep(0.5)
    (of_trades, *_) = (await look(settings, window)).deliveries
    assert (of_trades.first, of_trades.last, of_trades.messages, of_trades.rows) == (2, 2, 1, 2)


async def test_rows_too_many_are_counted_by_place_and_by_what_they_say(tables: ClickHouseServer, settings: Settings):
    store(tables, records("trade", *(trade_at_noon(i) for i in (1, 2, 3))))
    store(tables, records("funding_rate", SAMPLES["funding_rate"]))
    table, names = "marketprism_hot.funding_rates", "source, exchange, market, symbol, timestamp, rate, stream_epoch"
    for sequence in (9001, 9002):  # without a funding time
        tables.query(f"INSERT INTO {table} ({names}, stream_seq) SELECT {names}, {sequence} FROM {table} LIMIT 1")
    tables.query("INSERT INTO marketprism_hot.trades SELECT * FROM marketprism_hot.trades WHERE trade_id = 2")
    found = await look(settings)
    assert line(found, "trade").count == Count(4, twice=1, repeated=1)
    assert line(found, "funding_rate").count == Count(3, twice=0, repeated=1)
    assert "trade binance spot BTC-USDT: 1 rows are stored twice" in found.differences


async def test_a_hole_has_to_be_open_in_the_ledger_and_a_healed_one_filled(
    tables: ClickHouseServer, settings: Settings
):
    ids = (1, 2, 6, 7, 10, 15)
    told = [gap(2, 6), gap(7, 10, healed_by=""), gap(7, 10, healed_by="rest", healed_ns=NOON_US * 1000)]
    store(tables, [*records("trade", *(trade_at_noon(i) for i in ids)), *records("gap", *told)])
    found = await look(settings)
    verdict = line(found, "trade").verdict
    assert (verdict, verdict.unexplained) == (Verdict(missing=9, explained=3, contradicted=2), 4)
    store(tables, records("gap", gap(10, 15)))
    store(tables, records("trade", trade_at_noon(8), trade_at_noon(9)))
    assert (await look(settings)).differences == []


async def test_fills_heal_holes_between_aggregates_and_may_not_repeat_them(
    tables: ClickHouseServer, settings: Settings
):
    def aggregate(first: int, last: int) -> Record:
        changes = {"id_kind": TradeIdKind.AGGREGATE, "first_fill_id": first, "last_fill_id": last}
        return Record("trade", SWAP, trade_at_noon(last, **changes))

    store(tables, [aggregate(1, 5), aggregate(9, 12), *(Record("trade", SWAP, trade_at_noon(i)) for i in (6, 8))])
    assert line(await look(settings), "trade", SWAP_PLACE).verdict == Verdict(missing=1)
    store(tables, [Record("trade", SWAP, trade_at_noon(7))])
    assert (await look(settings)).differences == []
    store(tables, [Record("trade", SWAP, trade_at_noon(10))])
    assert (await look(settings)).differences == ["trade okx perpetual BTC-USDT: 1 rows repeat an event"]


async def test_a_broken_chain_of_book_changes_needs_a_book_that_started_anew(
    tables: ClickHouseServer, settings: Settings
):
    def change(first: int, last: int) -> Record:
        return Record(
            "orderbook_delta",
            BTC,
            BookChange(
                first_update_id=first,
                last_update_id=last,
                timestamp_us=NOON_US + first,
                receive_ns=NOON_US * 1000,
                bids=[],
                asks=[],
            ),
        )

    store(tables, [change(1, 4), change(5, 5), change(9, 12), change(20, 21)])
    assert line(await look(settings), "orderbook_delta").verdict == Verdict(missing=10)
    store(tables, records("orderbook", book(12, reason=SnapshotReason.RESYNC)))
    store(
        tables,
        records("gap", gap(12, 15, data_type="orderbook", size=None, healed_by="snapshot", healed_ns=NOON_US * 1000)),
    )
    found = await look(settings)
    assert (line(found, "orderbook_delta").verdict, found.differences) == (Verdict(missing=10, explained=10), [])


@pytest.mark.parametrize("source", ["live", "replayed"])
async def test_rows_of_another_source_are_not_looked_at(source: str, tables: ClickHouseServer, settings: Settings):
    store(tables, records("trade", trade_at_noon(1), trade_at_noon(9)))
    found = await look(settings, replace(NOON, source=Source(source)))
    assert (line(found, "trade").count, found.differences) == (Count(), [])


async def test_the_command_prints_lines_json_and_metrics(
    tables: ClickHouseServer, config_file: Path, monkeypatch: pytest.MonkeyPatch, nats_admin: NatsClient
):
    monkeypatch.setenv("MARKETPRISM_CONFIG", str(config_file))
    now_us = time.time_ns() // 1000
    changes = {"timestamp_us": now_us, "event_us": now_us, "receive_ns": now_us * 1000}
    store(tables, records("trade", *(trade_at_noon(i, **changes) for i in (1, 2))))

    async def run(*options: str) -> str:
        result = await asyncio.to_thread(CliRunner().invoke, app, ["audit", "--since", "5m", *options])
        assert result.exit_code == 0, result.output
        return result.stdout

    shown = json.loads(await run("--json"))
    (of_trades,) = [each for each in shown["lines"] if each["data_type"] == "trade" and each["stored"]]
    assert (of_trades["exchange"], of_trades["stored"], of_trades["differences"]) == ("binance", 2, 0)
    text = await run()
    assert "everything agrees" in text
    assert "collector since its start: does not answer" in text
    assert "older rows" not in text
    assert "older rows may have left the hot database: storage.hot_days is 7" in await run("--since", "8d")
    assert 'marketprism_audit_stored_rows{data_type="trade",exchange="binance"' in await run("--metrics")
    store(tables, records("trade", trade_at_noon(5, **changes)))
    failed = await asyncio.to_thread(CliRunner().invoke, app, ["audit", "--since", "5m"])
    assert failed.exit_code == 1
    assert "differs: trade binance spot BTC-USDT: 2 missing ids are in no ledger" in failed.stdout


async def test_storage_that_is_behind_is_waited_for_and_then_named(
    publisher: Publisher, settings: Settings, tables: ClickHouseServer
):
    async with connect_admin(settings) as jetstream:
        await settled(jetstream, STREAMS["MARKET_DATA"], 0)
        await publisher.publish([trade(1)])
        with pytest.raises(UnavailableError, match="storage is 1 messages of MARKET_DATA behind"):
            await settled(jetstream, STREAMS["MARKET_DATA"], 0)
