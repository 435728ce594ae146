"""What NATS carries is in ClickHouse, exactly once, with equal values, whatever is killed in between."""

import asyncio
import json
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from nats.aio.client import Client as NatsClient

from marketprism.contract import schema, wire
from marketprism.contract.catalog import STREAMS, subject
from marketprism.contract.instruments import Source
from marketprism.lock import only_one
from marketprism.settings import Settings
from tests.integration.conftest import api, connect
from tests.integration.flows import BTC, Publisher, StorageService, trade
from tests.integration.servers import ClickHouseServer, NatsServer, Server, eventually, fetch

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("streams")]


@pytest.fixture
def storage(
    tmp_path: Path, config_file: Path, settings: Settings, tables: ClickHouseServer
) -> Iterator[StorageService]:
    service = StorageService(tmp_path, config_file, settings, needs=tables)
    service.start()
    yield service
    service.stop()


@pytest.fixture
async def publisher(nats_server: NatsServer):
    client = await connect(nats_server, "collector")
    yield Publisher(client)
    await client.close()


def stored(tables: ClickHouseServer) -> list[tuple[str, ...]]:
    """Every row of trades as text, in the order of ids; duplicates would show."""
    rows = tables.query(
        "SELECT trade_id, price, quantity, side, toUnixTimestamp64Micro(timestamp), toUnixTimestamp64Micro(event_time)"
        " FROM marketprism_hot.trades ORDER BY trade_id"
    )
    return [tuple(line.split("\t")) for line in rows.splitlines()]


def plain(number: str) -> str:
    return number.rstrip("0").rstrip(".") if "." in number else number


def published(publisher: Publisher) -> list[tuple[str, ...]]:
    """The ledger in the same form."""
    ordered = sorted(publisher.ledger, key=lambda trade: trade.trade_id)
    return [
        (str(t.trade_id), plain(t.price), plain(t.quantity), t.side.value, str(t.timestamp_us), str(t.event_us))
        for t in ordered
    ]


def count(tables: ClickHouseServer) -> int:
    return tables.number("SELECT count() FROM marketprism_hot.trades")


def everything_is_stored_once(publisher: Publisher, tables: ClickHouseServer, seconds: float = 20) -> None:
    eventually(lambda: count(tables) >= len(publisher.ledger), seconds, "all rows arrive")
    rows = stored(tables)
    assert len(rows) == len(publisher.ledger), "rows are there twice"
    assert rows == published(publisher)


async def kill_during_flow(publisher: Publisher, tables: ClickHouseServer, victim: Server, kills: int) -> None:
    """Publish 30,000 events and kill the victim at different moments while they are stored."""
    flow = asyncio.create_task(publisher.random_flow(30_000))
    for kill in range(kills):
        await reached(tables, 2_000 + kill * 12_000, flow)
        await asyncio.to_thread(victim.kill)
        await asyncio.to_thread(victim.start)
    await flow


async def reached(tables: ClickHouseServer, rows: int, flow: asyncio.Task[None]) -> None:
    await asyncio.to_thread(eventually, lambda: flow.done() or count(tables) >= rows, 30)


async def test_kill_of_the_writer(publisher: Publisher, storage: StorageService, tables: ClickHouseServer):
    await kill_during_flow(publisher, tables, storage, kills=2)
    await asyncio.to_thread(everything_is_stored_once, publisher, tables)


async def test_rows_that_were_stored_but_not_acknowledged(
    publisher: Publisher,
    storage: StorageService,
    tables: ClickHouseServer,
    nats_server: NatsServer,
    nats_admin: NatsClient,
):
    """Every moment is forced: the batch is read, NATS dies, the batch is stored, the writer dies."""
    tables.send(signal.SIGSTOP)
    try:
        await publisher.random_flow(5_000)
        await asyncio.sleep(1)  # the batch is on its way into the frozen server
        assert (await api(nats_admin, "CONSUMER.INFO.MARKET_DATA.storage-hot"))["num_ack_pending"] > 0
        await asyncio.to_thread(nats_server.kill)
    finally:
        tables.send(signal.SIGCONT)
    await asyncio.to_thread(eventually, lambda: count(tables) > 0, 10)
    storage.kill()
    await asyncio.to_thread(nats_server.start)
    await asyncio.to_thread(storage.start)
    await asyncio.to_thread(everything_is_stored_once, publisher, tables)
    # NATS forgot that it had delivered them: the count of deliveries says nothing, only the rows know.
    present = "marketprism_storage_probe_rows_present"
    await asyncio.to_thread(eventually, lambda: storage.metric(present) > 0, 10)
    await asyncio.to_thread(everything_is_stored_once, publisher, tables)


async def test_kill_of_clickhouse(publisher: Publisher, storage: StorageService, tables: ClickHouseServer):
    await kill_during_flow(publisher, tables, tables, kills=2)
    await asyncio.to_thread(everything_is_stored_once, publisher, tables)
    assert storage.process.poll() is None


async def test_kill_of_nats(
    publisher: Publisher, storage: StorageService, tables: ClickHouseServer, nats_server: NatsServer
):
    await kill_during_flow(publisher, tables, nats_server, kills=2)
    await asyncio.to_thread(everything_is_stored_once, publisher, tables)
    assert storage.process.poll() is None


async def test_poison_is_laid_aside_and_its_neighbours_are_stored(
    publisher: Publisher, storage: StorageService, tables: ClickHouseServer, nats_admin: NatsClient
):
    """And the sums hold: published = stored + duplicates + dead letters + pending, in events."""
    name = subject("trade", BTC)
    await publisher.publish([trade(1), trade(2)])
    await publisher.send(name, b'{"type": "trade", "events": [1, 2, 3]')
    await publisher.send(name, wire.encode("trade", Source.SIMULATED, BTC, [trade(3, price="NaN")]))
    await publisher.send("funding_rate.binance.perpetual.BTC-USDT", b"{}")
    await publisher.send(name, wire.encode("trade", Source.SIMULATED, BTC, publisher.ledger))
    await publisher.publish([trade(4)])
    await asyncio.to_thread(everything_is_stored_once, publisher, tables)
    events = "marketprism_storage_events_total"
    await asyncio.to_thread(eventually, lambda: storage.metric("marketprism_storage_messages_total") == 6, 5)
    await asyncio.to_thread(eventually, lambda: storage.metric("marketprism_storage_pending_messages") == 0, 5)
    letters = (await api(nats_admin, "STREAM.INFO.DEAD_LETTERS"))["state"]["messages"]
    assert letters == 3
    assert storage.metric(events, outcome="stored") == 3
    assert storage.metric(events, outcome="duplicate") == 2
    assert storage.metric("marketprism_storage_dead_letter_events_total") == 3
    assert storage.metric("marketprism_storage_messages_total") == 6


async def test_clickhouse_away_for_ten_seconds(publisher: Publisher, storage: StorageService, tables: ClickHouseServer):
    """The batch is kept, nothing is delivered again, nothing restarts, and it does not run hot."""
    await publisher.random_flow(2_000)
    await asyncio.to_thread(tables.kill)
    try:
        before = cpu_seconds(storage)
        await publisher.random_flow(2_000)
        await asyncio.sleep(10)
        assert cpu_seconds(storage) - before < 2
        assert fetch(f"{storage.url}/live")[0] == 200
        waits = json.loads(fetch(f"{storage.url}/health")[1])["details"]["waits"]
        assert "ClickHouse" in waits["MARKET_DATA"]
    finally:
        await asyncio.to_thread(tables.start)
    restored = time.monotonic()
    await asyncio.to_thread(everything_is_stored_once, publisher, tables)
    assert time.monotonic() - restored < 10
    assert storage.metric("marketprism_storage_redelivered_messages_total") == 0
    assert storage.log().count('"event": "waiting"') < 40


def cpu_seconds(service: StorageService) -> float:
    return service.metric("process_cpu_seconds_total")


async def test_health_names_the_stale_feed(publisher: Publisher, storage: StorageService, tables: ClickHouseServer):
    await publisher.publish([trade(1, now_us=time.time_ns() // 1000 - 60_000_000)])
    eventually(lambda: count(tables) == 1, 5)
    status, body = fetch(f"{storage.url}/health")
    assert status == 503
    (stale,) = json.loads(body)["details"]["stale"]
    assert stale.startswith("trade binance.spot: newest event is 6")
    assert fetch(f"{storage.url}/live")[0] == fetch(f"{storage.url}/ready")[0] == 200
    await publisher.publish([trade(2)])
    eventually(lambda: fetch(f"{storage.url}/health")[0] == 200, 5)


def test_a_second_writer_is_refused(tmp_path: Path, config_file: Path, settings: Settings):
    with only_one(tmp_path, "storage-hot"), pytest.raises(AssertionError, match="another storage-hot writer"):
        StorageService(tmp_path, config_file, settings).start()


def test_the_service_manager_is_told(tmp_path: Path, config_file: Path, settings: Settings, tables: ClickHouseServer):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(10)
        service = StorageService(tmp_path, config_file, settings)
        service.environ |= {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "900000"}
        service.start()
        said = ""
        while "READY=1" not in said or not said.endswith("messages, nothing stored yet"):
            said = said + "\n" + manager.recv(4096).decode()
        service.stop()
        assert "WATCHDOG=1" in said
        assert "STATUS=less than a row a second, lag 0 messages, nothing stored yet" in said
        assert service.process.returncode == 0


async def test_streams_that_come_later_are_waited_for(
    nats_admin: NatsClient, tmp_path: Path, config_file: Path, settings: Settings, tables: ClickHouseServer
):
    await api(nats_admin, "CONSUMER.DELETE.MARKET_DATA.storage-hot")
    service = StorageService(tmp_path, config_file, settings)
    service.is_up = lambda: "marketprism streams apply" in service.log()
    await asyncio.to_thread(service.start)
    try:
        assert fetch(f"{service.url}/ready")[0] == 503
        body = {"stream_name": "MARKET_DATA", "config": schema.consumer_config(STREAMS["MARKET_DATA"])}
        await api(nats_admin, "CONSUMER.DURABLE.CREATE.MARKET_DATA.storage-hot", body)
        await asyncio.to_thread(eventually, lambda: fetch(f"{service.url}/ready")[0] == 200, 10)
    finally:
        await asyncio.to_thread(service.stop)
