"""Every value of every table against what the simulated exchanges noted that they sent."""

import asyncio
import json
import signal
from collections import Counter, defaultdict
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from nats.aio.client import Client as NatsClient

from marketprism.contract.catalog import HOT_DATABASE, STREAMS
from marketprism.contract.tables import TABLES
from marketprism.contract.venues import VENUES, place
from marketprism.settings import load
from tests.integration.collecting import Collector, SimServer, collect_from
from tests.integration.conftest import api
from tests.integration.flows import StorageService
from tests.integration.servers import ClickHouseServer, eventually
from tests.integration.truth import Frame, Key, expected

pytestmark = pytest.mark.integration

HALF_A_UNIT = Decimal("5e-19")
"""Quotients are kept with 18 decimals."""
COMPLETE = {"trades", "orderbook_deltas", "liquidations", "lsr_top_positions", "lsr_all_accounts", "volatility_indices"}
"""Tables that keep everything; of the others a venue sends more than is kept."""
IDS = {"trades": "trade_id", "orderbook_deltas": "last_update_id", "orderbooks": "update_id"}
FEEDS = {
    (TABLES[data_type].name, venue.exchange, *place(name, data_type, symbol))
    for name, venue in VENUES.items()
    for data_type in venue.data_types
    for symbol in venue.symbols
}


@pytest.fixture
def sim(tmp_path: Path) -> Iterator[SimServer]:
    server = SimServer(tmp_path, "--truth", str(tmp_path / "truth"), "--truth-mb", "1000")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def storage(tmp_path: Path, streams: None, tables: ClickHouseServer, config_file: Path) -> Iterator[StorageService]:
    (tmp_path / "storage").mkdir()
    service = StorageService(tmp_path / "storage", config_file, load(config_file, environ={}))
    service.start()
    yield service
    service.stop()


@pytest.fixture
def collector(tmp_path: Path, sim: SimServer, storage: StorageService, config_file: Path) -> Iterator[Collector]:
    """A collector of everything that the venues deliver."""
    venues = {name: {"data_types": list(venue.data_types)} for name, venue in VENUES.items()}
    collect_from(sim, config_file, tmp_path / "spool", venues)
    (tmp_path / "collector").mkdir()
    process = Collector(tmp_path / "collector", config_file)
    process.start()
    yield process
    process.stop()
    process.manager.close()


def stored(clickhouse: ClickHouseServer) -> dict[str, list[Frame]]:
    """Read all rows, computed columns too, numbers exact."""
    found = {}
    for table in TABLES.values():
        columns = ", ".join(column.name for column in table.columns)
        text = clickhouse.query(f"SELECT {columns} FROM {HOT_DATABASE}.{table.name} FORMAT JSONEachRow")
        found[table.name] = [json.loads(line, parse_float=Decimal) for line in text.splitlines()]
    return found


def key_of(table: str, row: Frame) -> Key:
    series = table, row["exchange"], row["market"], row["symbol"]
    if table in IDS:
        return *series, int(row[IDS[table]])
    if table == "liquidations":
        return *series, (row["timestamp"], Decimal(row["price"]), Decimal(row["contracts"] or row["quantity"]))
    return *series, row["timestamp"]


def shown(table: str, row: Frame) -> Frame:
    """Return a row with what the truth says of a book: its best levels as sent, or how many levels changed."""
    if table == "orderbook_deltas":
        return row | {"levels": [len(row["bid_price_integers"]), len(row["ask_price_integers"])]}
    if table != "orderbooks":
        return row
    scales = [Decimal(10) ** int(row[f"{which}_scale"]) for which in ("price", "quantity")] * 2
    kinds = ("bid_price", "bid_quantity", "ask_price", "ask_quantity")
    best = [int(row[f"{kind}_integers"][0]) / scale for kind, scale in zip(kinds, scales, strict=True)]
    return row | {"best": best}


def equal(ours: object, truth: object) -> bool:
    if isinstance(truth, Decimal):
        return abs(Decimal(str(ours)) - truth) <= HALF_A_UNIT
    return str(ours) == str(truth) if isinstance(truth, int) else ours == truth


async def drained(nats_admin: NatsClient) -> bool:
    """Whether everything in the streams is stored and acknowledged."""
    for name, stream in STREAMS.items():
        if stream.consumer is not None:
            found = await api(nats_admin, f"CONSUMER.INFO.{name}.{stream.consumer}")
            if found["num_pending"] or found["num_ack_pending"]:
                return False
    return True


def filled(clickhouse: ClickHouseServer) -> set[tuple[str, ...]]:
    """Return table, exchange, market and symbol of all series that have rows."""
    union = " UNION ALL ".join(
        f"SELECT DISTINCT '{table.name}', exchange, market, symbol FROM {HOT_DATABASE}.{table.name}"
        for table in TABLES.values()
    )
    return {tuple(line.split("\t")) for line in clickhouse.query(union).splitlines()}


async def test_every_value_of_every_table_is_what_the_exchanges_sent(
    tables: ClickHouseServer, sim: SimServer, collector: Collector, nats_admin: NatsClient, tmp_path: Path
) -> None:
    eventually(lambda: collector.status() == 200, 60)
    for venue in ("binance-usdm", "okx-swap", "deribit"):
        sim.inject(fault="liquidation", venue=venue, count=3)
    eventually(lambda: filled(tables) >= FEEDS, 150, "rows of every feed")
    collector.send(signal.SIGTERM)
    collector.wait()
    async with asyncio.timeout(30):
        while not await drained(nats_admin):  # noqa: ASYNC110 - only the server knows
            await asyncio.sleep(0.1)
    sim.stop()

    truth, rows = expected(tmp_path / "truth"), stored(tables)
    found = [(key_of(table, row), shown(table, row)) for table, each in rows.items() for row in each]
    wrong = {
        (*key[:3], column): (key, row.get(column), value)
        for key, row in found
        for column, value in truth.get(key, {"the exchange": "sent it"}).items()
        if not equal(row.get(column), value)
    }
    assert wrong == {}
    times = Counter(key for key, _ in found)
    assert [key for key, count in times.items() if count > 1] == []
    assert missing(set(times), set(truth)) == []
    assert rows["gap_events"] == []


def missing(found: set[Key], truth: set[Key]) -> list[Key]:
    """Return what was sent and is not stored, between the first and the last stored row of each series."""
    series: dict[tuple[str, ...], list[object]] = defaultdict(list)
    for *name, key in found:
        series[tuple(name)].append(key)
    return [key for key in truth - found if key[0] in COMPLETE and min(series[key[:4]]) < key[4] < max(series[key[:4]])]
