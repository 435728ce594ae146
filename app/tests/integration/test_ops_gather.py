"""The doctor against real servers: what it sees on sound ones, and what it says when one of them is gone or frozen."""

import asyncio
import os
import resource
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from nats.aio.client import Client as NatsClient

from marketprism.ops.doctor.evidence import Evidence
from marketprism.ops.doctor.gather import Gatherer
from marketprism.ops.doctor.site import Site, endpoints_of
from marketprism.ops.doctor.verdict import judge
from marketprism.settings import Settings
from tests.integration.conftest import api, connect
from tests.integration.flows import Publisher, StorageService, trade
from tests.integration.servers import ClickHouseServer, NatsServer, eventually

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("streams")]


@pytest.fixture
def site(settings: Settings, tables: ClickHouseServer) -> Site:
    """The servers of these tests; there are no units and there is no collector."""
    venue = settings.venues["binance-spot"].model_copy(
        update={
            "data_types": ("trade",),
            "symbols": ("BTC-USDT",),
            "ws_url": "ws://127.0.0.1:1",
            "rest_url": "http://127.0.0.1:1",
        }
    )
    few = settings.model_copy(update={"venues": {"binance-spot": venue}})
    endpoints = {name: url for name, url in endpoints_of(few).items() if name != "collector"}
    return Site(is_here=False, units=(), endpoints=endpoints, settings=few)


@pytest.fixture
def storage(
    tmp_path: Path, config_file: Path, settings: Settings, tables: ClickHouseServer
) -> Iterator[StorageService]:
    directory = tmp_path / "storage"
    directory.mkdir()
    service = StorageService(directory, config_file, settings)
    service.start()
    yield service
    service.stop()


async def look(site: Site) -> Evidence:
    return await Gatherer().gather(site)


async def feed(nats_server: NatsServer, tables: ClickHouseServer) -> None:
    client = await connect(nats_server, "collector")
    await Publisher(client).publish([trade(number) for number in range(1, 201)])
    await client.close()
    await asyncio.to_thread(
        eventually, lambda: tables.number("SELECT count() FROM marketprism_hot.trades") >= 200, 20, "trades are stored"
    )


async def test_a_sound_chain_is_seen_to_its_end(
    site: Site, storage: StorageService, nats_server: NatsServer, tables: ClickHouseServer
) -> None:
    await feed(nats_server, tables)
    started = time.monotonic()
    evidence = await look(site)
    assert time.monotonic() - started < 5
    assert evidence.unseen == {}
    assert evidence.streams is not None
    assert evidence.streams["MARKET_DATA"].messages > 0
    assert evidence.streams["MARKET_DATA"].consumers[0].pending == 0
    assert evidence.tables is not None
    assert evidence.tables.rows["trade"] == 200
    (feed_,) = evidence.tables.feeds
    assert feed_.age is not None
    assert 0 < feed_.age < 30
    assert (evidence.stream_drift, evidence.schema_drift) == ((), ())
    assert evidence.tables.parts is not None
    assert 0 < evidence.tables.parts < 300
    diagnosis = judge(evidence)
    assert (diagnosis.roots, diagnosis.consequences, diagnosis.unexplained) == ((), (), None)


async def test_a_missing_consumer_is_drift_and_the_root(
    site: Site, storage: StorageService, nats_admin: NatsClient
) -> None:
    await api(nats_admin, "CONSUMER.DELETE.ORDERBOOK_SNAP.storage-hot")
    found = judge(await look(site))
    assert found.roots[0].problem == "stream-drift"
    assert found.roots[0].evidence == ("consumer storage-hot of ORDERBOOK_SNAP is missing",)


async def test_a_missing_table_is_drift_and_the_root(
    site: Site, storage: StorageService, tables: ClickHouseServer, settings: Settings
) -> None:
    create = tables.query("SHOW CREATE TABLE marketprism_hot.trades FORMAT TSVRaw")
    tables.query("DROP TABLE marketprism_hot.trades SYNC")
    try:
        found = judge(await look(site))
    finally:
        tables.query(create)
    assert found.roots[0].problem == "schema-drift"
    assert found.roots[0].evidence == ("table marketprism_hot.trades is missing",)


async def test_a_dead_letter_is_seen(site: Site, nats_admin: NatsClient, nats_server: NatsServer) -> None:
    client = await connect(nats_server, "storage")
    await client.request("dead_letter.MARKET_DATA", b"x", timeout=5)
    await client.close()
    assert "dead-letters" in [finding.problem for finding in judge(await look(site)).roots]


@pytest.mark.parametrize(
    ("server", "problem"), [("nats_server", "nats-down"), ("clickhouse_server", "clickhouse-down")]
)
async def test_a_frozen_server_is_down_within_seconds(
    request: pytest.FixtureRequest, site: Site, storage: StorageService, server: str, problem: str
) -> None:
    frozen: NatsServer | ClickHouseServer = request.getfixturevalue(server)
    frozen.send(signal.SIGSTOP)
    try:
        started = time.monotonic()
        found = judge(await look(site))
        assert time.monotonic() - started < 12
    finally:
        frozen.send(signal.SIGCONT)
    assert [finding.problem for finding in found.roots] == [problem]


async def test_nothing_there_at_all_is_told_within_seconds(site: Site) -> None:
    dead = dict.fromkeys(site.endpoints, "http://127.0.0.1:1")
    assert site.settings is not None
    gone = site.settings.model_copy(
        update={
            "nats": site.settings.nats.model_copy(update={"url": "nats://127.0.0.1:1"}),
            "clickhouse": site.settings.clickhouse.model_copy(update={"http_port": 1}),
        }
    )
    started = time.monotonic()
    found = judge(await look(replace(site, endpoints=dead, settings=gone)))
    assert time.monotonic() - started < 10
    assert {finding.problem for finding in found.roots} == {"nats-down", "clickhouse-down", "storage-down"}


async def test_looking_again_and_again_takes_little_time(site: Site, storage: StorageService) -> None:
    gatherer = Gatherer()
    await gatherer.gather(site)
    before = _cpu_seconds()
    for _ in range(3):
        judge(await gatherer.gather(site))
    used = (_cpu_seconds() - before) / 3
    print(f"{used:.3f} CPU seconds a look in {os.getpid()}")  # noqa: T201 - the figure is worth reading
    assert used < 0.6


def _cpu_seconds() -> float:
    times = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in times)
