"""The collector against the simulator and a real NATS server."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from nats.aio.client import Client as NatsClient

from marketprism.contract.venues import VENUES, default_data_types, feeds
from marketprism.nkey import NKey
from tests.integration.collecting import Collector, SimServer, command
from tests.integration.conftest import STORE_BYTES, api
from tests.integration.servers import NatsServer, eventually, free_port

pytestmark = pytest.mark.integration

FEEDS = {
    f"{name} {data_type} {symbol}"
    for name, venue in VENUES.items()
    for data_type, _, symbol in feeds(name, venue.symbols, default_data_types(name))
}
SUBJECTS = {
    f"{data_type}.{venue.exchange}.{market}.{symbol}"
    for name, venue in VENUES.items()
    for data_type, market, symbol in feeds(name, venue.symbols, default_data_types(name))
}
LIVE = ["live"] * sum(len(venue.symbols) for venue in VENUES.values())
CONNECTIONS = 6
"""Two of Binance's futures, one of every other venue."""

IMPATIENT = """
import dataclasses
from marketprism.contract.catalog import DATA_TYPES
from marketprism.nkey import NKey
for name in ("trade", "orderbook"):
    limit = DATA_TYPES[name].freshness_seconds / 6
    DATA_TYPES[name] = dataclasses.replace(DATA_TYPES[name], freshness_seconds=limit)
"""
"""Run before the collector: a sixth of the contract's patience, so that the test need not wait for all of it."""


@pytest.fixture(scope="module")
def sim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimServer]:
    server = SimServer(tmp_path_factory.mktemp("sim"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def collector_config(tmp_path: Path, sim: SimServer, nats_server: NatsServer, credentials: Path) -> Path:
    """A collector's configuration that points at the simulator."""
    content = {
        "source": "simulated",
        "credentials_directory": str(credentials),
        "nats": {"url": nats_server.url, "monitor_url": nats_server.monitor_url, "store_bytes": STORE_BYTES},
        "collector": {
            "health_port": free_port(),
            "metrics_port": free_port(),
            "spool_directory": str(tmp_path / "spool"),
        },
        "venues": {name: sim.addresses(name) for name in VENUES},
    }
    path = tmp_path / "collector.yml"
    path.write_text(yaml.safe_dump(content))
    return path


@pytest.fixture
def collector(tmp_path: Path, collector_config: Path) -> Iterator[Collector]:
    process = Collector(tmp_path, collector_config)
    yield process
    process.stop()
    process.manager.close()


async def subjects(client: NatsClient) -> set[str]:
    found: set[str] = set()
    for stream in ("MARKET_DATA", "ORDERBOOK_SNAP"):
        info = await api(client, f"STREAM.INFO.{stream}", {"subjects_filter": ">"})
        found |= set(info["state"].get("subjects", {}))
    return found


async def test_all_feeds_of_the_simulator_reach_nats(
    collector: Collector, streams: None, nats_admin: NatsClient
) -> None:
    collector.start()
    eventually(lambda: collector.status() == 200 and collector.books() == LIVE)
    eventually(lambda: collector.metric("marketprism_publisher_published_events_total") > 300)
    assert collector.metric('marketprism_venue_state{state="collecting"') == len(VENUES)
    found: set[str] = set()
    deadline = time.monotonic() + 60
    while not found >= SUBJECTS and time.monotonic() < deadline:
        found = await subjects(nats_admin)
        await asyncio.sleep(0.2)
    assert found >= SUBJECTS
    checks = [venue["book_checks"] for venue in collector.details()["venues"].values()]
    assert all(c["equal"] == c["compared"] and c["crossed"] == 0 for c in checks), checks
    assert checks[0]["compared"] > 0, "Binance sends witnesses of its books"
    assert collector.metric("marketprism_refused_total", "marketprism_gaps_total") == 0


async def test_a_stop_delivers_everything_and_leaves_within_ten_seconds(
    collector: Collector, streams: None, nats_admin: NatsClient
) -> None:
    collector.start()
    eventually(lambda: collector.metric("marketprism_publisher_published_events_total") > 50)
    started = time.monotonic()
    collector.send(signal.SIGTERM)
    collector.wait()
    assert time.monotonic() - started < 10
    assert collector.process is not None
    assert collector.process.returncode == 0
    assert '"event": "stopped"' in collector.log()
    assert "Traceback" not in collector.log()
    assert "never awaited" not in collector.log()


def test_the_service_manager_is_told_of_readiness_and_of_rates(collector: Collector, streams: None) -> None:
    collector.start()
    eventually(lambda: "READY=1" in collector.told())
    eventually(lambda: re.search(r"5 venues, 10 books live, [1-9]\d* events/s in, [1-9]", collector.told()))
    assert "WATCHDOG=1\nSTATUS=5 venues" in collector.told()


def test_the_collector_starts_before_nats_and_is_ready_after_it(
    collector: Collector, streams: None, nats_server: NatsServer
) -> None:
    nats_server.kill()
    try:
        collector.start()
        eventually(lambda: collector.books() == LIVE)
        assert collector.status("/ready") == 503
        assert "is away" in collector.details()["publisher"]["causes"][0]
        waiting = collector.details()["publisher"]["in_flight"]
        assert waiting > 0
    finally:
        nats_server.start()
    eventually(lambda: collector.status("/ready") == 200 and collector.status() == 200)
    eventually(lambda: collector.details()["publisher"]["published"] >= waiting)


def test_a_stop_while_nats_is_away_keeps_everything_for_the_next_start(
    tmp_path: Path, collector: Collector, streams: None, nats_server: NatsServer
) -> None:
    collector.start()
    eventually(lambda: collector.status() == 200)
    assert collector.details()["warnings"] == [], "this server syncs always"
    nats_server.kill()
    try:
        eventually(lambda: collector.metric("marketprism_spool_bytes") > 0)
        collector.stop()
        assert '"event": "stopped with events in the spool"' in collector.log()
        assert "Traceback" not in collector.log()
        kept = sum(path.stat().st_size for path in (tmp_path / "spool").iterdir())
        assert kept > 0
    finally:
        nats_server.start()
    collector.start()
    eventually(lambda: collector.metric("marketprism_publisher_recovered_events_total") > 0)
    eventually(lambda: collector.status() == 200 and collector.metric("marketprism_spool_bytes") == 0)
    account = collector.details()["publisher"]
    parts = ("published", "coalesced", "refused", "spooled", "in_flight")
    assert account["received"] == sum(account[part] for part in parts)


def test_wrong_credentials_end_the_collector_with_their_name(
    tmp_path: Path, collector_config: Path, nats_server: NatsServer
) -> None:
    (tmp_path / "nats-collector").write_text(NKey.generate().seed)
    content = yaml.safe_load(collector_config.read_text()) | {"credentials_directory": str(tmp_path)}
    collector_config.write_text(yaml.safe_dump(content))
    ended = subprocess.run(
        command("collector"),
        env={**os.environ, "MARKETPRISM_CONFIG": str(collector_config)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ended.returncode != 0
    said = " ".join(ended.stderr.split())  # a traceback of many columns is wrapped
    assert "refuses the user 'collector'; deploy again, or correct the credential nats-collector" in said


def test_health_names_stale_feeds_while_the_exchange_is_away_and_heals_without_a_restart(
    collector: Collector, streams: None, sim: SimServer
) -> None:
    collector.command[-1] = IMPATIENT + collector.command[-1]
    collector.start()
    eventually(lambda: collector.status() == 200 and collector.books() == LIVE)
    sim.kill()
    try:
        eventually(lambda: set(collector.books()) == {"buffering"})
        eventually(lambda: "feeds stale: " in collector.told() and collector.status() == 503, seconds=30)
        eventually(lambda: "binance-spot orderbook BTC-USDT" in collector.details()["stale"], seconds=30)
        assert set(collector.details()["stale"]) <= FEEDS
        assert collector.status("/live") == 200
        assert collector.status("/ready") == 200
    finally:
        sim.start()
    eventually(lambda: collector.status() == 200 and collector.books() == LIVE, seconds=40)
    assert collector.metric("marketprism_connection_losses_total") == CONNECTIONS
    assert collector.process is not None
    assert collector.process.poll() is None


def test_a_capture_can_be_replayed(tmp_path: Path, collector_config: Path, sim: SimServer) -> None:
    environment = {**os.environ, "MARKETPRISM_CONFIG": str(collector_config)}
    recording = tmp_path / "usdm.gz"
    capture = [
        *(sys.executable, "-c"),
        "import typer; from marketprism.cli.collector import capture; typer.run(capture)",
        *("binance-usdm", "--symbol", "BTC-USDT", "--out", str(recording), "--seconds", "3"),
    ]
    subprocess.run(capture, env=environment, check=True, timeout=30, capture_output=True)
    replay = [*command("replay"), str(recording), "--venue", "binance-usdm", "--symbol", "BTCUSDT", "--json"]
    replayed = subprocess.run(replay, env=environment, check=True, timeout=30, capture_output=True)
    result = json.loads(replayed.stdout)
    assert result["events"]["trade"] > 10
    assert result["events"]["orderbook"] > 1
    assert result["gaps"] == 0
    assert result["refused"] == {}
    checks = result["book_checks"]
    assert checks["equal"] == checks["compared"] > 0
