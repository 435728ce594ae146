"""A crash takes a part along whose insert was answered and acknowledged: its rows come back."""

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from nats.aio.client import Client as NatsClient

from marketprism.contract.catalog import CLICKHOUSE_USERS, HOT_DATABASE, STREAMS
from marketprism.errors import UnavailableError
from marketprism.settings import Settings
from marketprism.storage.clickhouse import ClickHouse
from marketprism.storage.decoding import decode
from marketprism.storage.rewind import rewound
from marketprism.storage.writer import Writer
from tests.integration.conftest import api, connect
from tests.integration.flows import Publisher, StorageService, trade
from tests.integration.servers import PASSWORDS, ClickHouseServer, NatsServer, eventually
from tests.integration.test_storage_flow import count, published, stored
from tests.storage.envelopes import message
from tests.storage.envelopes import trade as trade_at_noon

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("streams")]
RESTORED = "marketprism_storage_restored_rows_total"


@pytest.fixture
async def publisher(nats_server: NatsServer):
    client = await connect(nats_server, "collector")
    yield Publisher(client)
    await client.close()


@pytest.fixture
def storage(
    tmp_path: Path, config_file: Path, settings: Settings, tables: ClickHouseServer
) -> Iterator[StorageService]:
    service = StorageService(tmp_path, config_file, settings, needs=tables)
    service.start()
    yield service
    service.stop()


async def store(publisher: Publisher, tables: ClickHouseServer, storage: StorageService, *ids: int) -> None:
    """Publish one message and wait until it is stored and acknowledged."""
    acknowledged = storage.metric("marketprism_storage_messages_total")
    await publisher.publish([trade(n, price=f"{n}.000000000001") for n in ids])
    await asyncio.to_thread(
        eventually, lambda: storage.metric("marketprism_storage_messages_total") == acknowledged + 1, 10
    )
    assert count(tables) == len(publisher.ledger)


def newest_part(tables: ClickHouseServer) -> Path:
    path = tables.query(
        "SELECT path FROM system.parts WHERE active AND database = 'marketprism_hot' AND table = 'trades'"
        " ORDER BY min_block_number DESC LIMIT 1"
    ).strip()
    return Path(path)


def lose(tables: ClickHouseServer, part: Path, how: str) -> None:
    """Kill ClickHouse, damage a part as a power cut would, and start it again."""
    tables.kill()
    if how == "removed":
        shutil.rmtree(part)
    else:
        (part / "data.bin").write_bytes((part / "data.bin").read_bytes()[:-40])
    tables.start()


async def everything_is_back(publisher: Publisher, tables: ClickHouseServer, storage: StorageService) -> None:
    await asyncio.to_thread(eventually, lambda: count(tables) >= len(publisher.ledger), 20)
    assert stored(tables) == published(publisher)
    await asyncio.to_thread(eventually, lambda: storage.metric(RESTORED) > 0, 10)


@pytest.mark.parametrize("how", ["removed", "torn"])
async def test_a_lost_part_is_restored_after_a_crash(
    how: str, publisher: Publisher, storage: StorageService, tables: ClickHouseServer
):
    await store(publisher, tables, storage, 1, 2, 3)
    await asyncio.sleep(4)  # the server tells its start to the second
    await store(publisher, tables, storage, 4, 5)
    storage.kill()
    await asyncio.to_thread(lose, tables, newest_part(tables), how)
    assert count(tables) == 3
    storage.start()
    await everything_is_back(publisher, tables, storage)
    assert storage.metric(RESTORED) == 2
    assert storage.metric("marketprism_storage_events_total") == 0, "they were counted when they were acknowledged"
    await store(publisher, tables, storage, 6)


async def test_a_lost_part_is_restored_when_only_clickhouse_crashed(
    publisher: Publisher, storage: StorageService, tables: ClickHouseServer
):
    await store(publisher, tables, storage, 1, 2)
    await asyncio.sleep(4)  # the server tells its start to the second
    await store(publisher, tables, storage, 3, 4)
    part = newest_part(tables)
    losing = asyncio.create_task(asyncio.to_thread(lose, tables, part, "removed"))
    while not losing.done():
        await publisher.publish([trade(len(publisher.ledger) + 1)])
        await asyncio.sleep(0.1)
    await everything_is_back(publisher, tables, storage)
    assert storage.metric(RESTORED) == 2


@pytest.mark.parametrize("end", ["stopped", "killed"])
async def test_nothing_is_read_again_while_clickhouse_runs_on(
    end: str, publisher: Publisher, storage: StorageService, tables: ClickHouseServer
):
    await store(publisher, tables, storage, 1, 2)
    before = storage.log().count('"rewound"')
    storage.stop() if end == "stopped" else storage.kill()
    storage.start()
    await store(publisher, tables, storage, 3)
    assert storage.log().count('"rewound"') == before


async def test_another_boot_reads_again(publisher: Publisher, storage: StorageService, tables: ClickHouseServer):
    await store(publisher, tables, storage, 1, 2)
    storage.stop()
    storage.environ["BOOT_ID"] = "another"
    storage.start()
    await asyncio.to_thread(eventually, lambda: '"rewound"' in storage.log(), 10)
    await store(publisher, tables, storage, 3)


async def test_the_durable_consumer_stays_and_the_other_goes(
    publisher: Publisher, storage: StorageService, tables: ClickHouseServer, nats_admin: NatsClient
):
    await store(publisher, tables, storage, 1, 2)
    created = (await api(nats_admin, "CONSUMER.INFO.MARKET_DATA.storage-hot"))["created"]
    storage.kill()
    storage.environ["BOOT_ID"] = "another"
    storage.start()
    await asyncio.to_thread(eventually, lambda: '"rewound"' in storage.log(), 10)
    assert (await api(nats_admin, "CONSUMER.INFO.MARKET_DATA.storage-hot"))["created"] == created
    listed = (await api(nats_admin, "CONSUMER.LIST.MARKET_DATA"))["consumers"]
    assert [consumer["name"] for consumer in listed] == ["storage-hot"]


async def test_reading_again_starts_where_it_is_told(publisher: Publisher, nats_server: NatsServer):
    for n in range(1, 6):
        await publisher.publish([trade(n)])
    client = await connect(nats_server, "storage")
    for first, expected in ((1, [1, 2, 3, 4, 5]), (4, [4, 5])):
        async with rewound(client, STREAMS["MARKET_DATA"], first) as session:
            read = await session.pull(messages=10, size=8_000_000, seconds=0.5)
            assert [m.stream_seq for m in read] == expected
    await client.close()


async def test_what_did_not_come_is_not_taken_for_the_end(publisher: Publisher, nats_server: NatsServer):
    """A disk may be slow after a reboot; here the pull has no room for a message."""
    for n in range(1, 4):
        await publisher.publish([trade(n)])
    client = await connect(nats_server, "storage")
    async with rewound(client, STREAMS["MARKET_DATA"], 1) as session:
        with pytest.raises(UnavailableError, match="3 messages of MARKET_DATA did not come"):
            await session.pull(messages=10, size=1, seconds=0.2)
        read = await session.pull(messages=10, size=8_000_000, seconds=0.2)
        assert [m.stream_seq for m in read] == [1, 2, 3]
        assert await session.pull(messages=10, size=8_000_000, seconds=0.2) == [], "the end"
    await client.close()


def test_the_start_is_behind_everything_that_is_older_in_any_table(tables: ClickHouseServer):
    writer = Writer(
        ClickHouse(
            host="127.0.0.1",
            native_port=tables.native_port,
            http_port=tables.http_port,
            user=CLICKHOUSE_USERS["writer"],
            password=PASSWORDS["clickhouse-writer"],
        ),
        HOT_DATABASE,
        STREAMS["MARKET_DATA"],
    )
    writer.begin(7, 0)
    assert writer.rewind_start(7, 600) == 1
    writer.store(decode([message(n, trade_at_noon(n)) for n in range(1, 11)], 7))
    assert writer.rewind_start(7, 600) == 1, "all of it was inserted lately"
    tables.query("ALTER TABLE marketprism_hot.trades UPDATE inserted_at = inserted_at - 1000 WHERE stream_seq <= 6"
                 " SETTINGS mutations_sync = 1")  # fmt: skip
    assert writer.rewind_start(7, 600) == 7
    assert writer.rewind_start(8, 600) == 1, "another life of the stream"
    tables.query("ALTER TABLE marketprism_hot.trades UPDATE inserted_at = inserted_at + 3600 WHERE stream_seq = 8"
                 " SETTINGS mutations_sync = 1")  # fmt: skip
    assert writer.rewind_start(7, 600) == 7, "the clock ran ahead, and was set back"
    writer.close()
