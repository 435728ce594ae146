"""The operator's knobs, from the variable to what it changes."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
import yaml

from marketprism.collector.service import CollectorService
from marketprism.collector.venue import VenueCollector
from marketprism.nkey import NKey
from marketprism.settings import VENUES, load
from tests.collector.proxied import HOST, http_proxy, socks5_proxy
from tests.collector.simulated import PREFIXES, exchanges
from tests.collector.waiting import until
from tests.integration.servers import free_port

VENUE = "binance-usdm"
"""Trades and books come over two connections."""


class Running:
    """A service that runs without NATS."""

    def __init__(self, service: CollectorService, ports: Mapping[str, int]) -> None:
        self.service = service
        self.ports = ports

    @property
    def venue(self) -> VenueCollector:
        (venue,) = self.service._venues
        return venue

    def causes(self) -> dict[str, str | None]:
        return {name: session.cause for name, session in self.venue.sessions.items()}


@asynccontextmanager
async def running(directory: Path, host: str, **variables: str) -> AsyncIterator[Running]:
    """Run the collector with one venue at `host`, with such variables in its environment."""
    (directory / "nats-collector").write_text(NKey.generate().seed)
    ports = {"HEALTH_CHECK_PORT": free_port(), "METRICS_PORT": free_port()}
    address = host + PREFIXES[VENUE]
    here = {"ws_url": f"ws://{address}", "rest_url": f"http://{address}", "symbols": ["BTC-USDT"]}
    config = {
        "credentials_directory": str(directory),
        "nats": {"url": "nats://127.0.0.1:1"},
        "venues": {name: {"enabled": False} for name in VENUES} | {VENUE: here},
    }
    path = directory / "marketprism.yml"
    path.write_text(yaml.safe_dump(config))
    settings = load(path, {name: str(value) for name, value in ports.items()} | variables)
    service, stop = CollectorService(settings), asyncio.Event()
    task = asyncio.create_task(service.run(stop))
    try:
        yield Running(service, ports)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_the_ports_of_health_and_metrics(tmp_path: Path) -> None:
    async with exchanges() as host, running(tmp_path, host) as collector, aiohttp.ClientSession() as http:
        await until(collector.causes)
        async with http.get(f"http://127.0.0.1:{collector.ports['HEALTH_CHECK_PORT']}/live") as answer:
            assert answer.status == 200
        async with http.get(f"http://127.0.0.1:{collector.ports['METRICS_PORT']}/metrics") as answer:
            assert "marketprism_connections_limit 50.0" in await answer.text()


async def test_the_most_connections_at_a_time(tmp_path: Path) -> None:
    async with exchanges() as host, running(tmp_path, host, MAX_CONCURRENT_CONNECTIONS="2") as collector:
        waiting = "waits for one of 2 connections (MAX_CONCURRENT_CONNECTIONS)"
        await until(lambda: sorted(map(str, collector.causes().values())) == ["None", waiting])
    async with exchanges() as host, running(tmp_path, host, MAX_CONCURRENT_CONNECTIONS="3") as collector:
        await until(lambda: list(collector.causes().values()) == [None, None])


@pytest.mark.parametrize(("delay", "bounds"), [("0.2", (0.2, 0.4)), ("10", (10.0, 15.0))])
async def test_the_first_wait_after_a_lost_connection(tmp_path: Path, delay: str, bounds: tuple[float, float]) -> None:
    async with exchanges() as host, running(tmp_path, host, WEBSOCKET_RECONNECT_DELAY=delay) as collector:
        await until(lambda: list(collector.causes().values()) == [None, None])
        backoff = collector.venue.sessions["market"]._redial.backoff
        assert (backoff.next(1.0), backoff.next(1.0)) == bounds


async def test_a_proxy_from_the_environment_is_used_for_rest_and_websocket_alike(tmp_path: Path) -> None:
    async with exchanges() as host, http_proxy() as proxy:
        port = host.partition(":")[2]
        address = f"http://me:secret@127.0.0.1:{proxy.port}"
        async with running(tmp_path, f"{HOST}:{port}", HTTP_PROXY=address) as collector:
            await until(lambda: "live" in collector.venue.book_states().values())
            assert set(proxy.targets) == {f"{HOST}:{port}"}
            assert len(proxy.targets) >= 3, "the list of instruments and two WebSockets"


async def test_a_socks_proxy_likewise(tmp_path: Path) -> None:
    async with exchanges() as host, socks5_proxy() as proxy:
        port = host.partition(":")[2]
        async with running(tmp_path, f"{HOST}:{port}", HTTP_PROXY=f"socks5://127.0.0.1:{proxy.port}") as collector:
            await until(lambda: "live" in collector.venue.book_states().values())
            assert set(proxy.targets) == {f"{HOST}:{port}"}


async def test_what_no_proxy_names_is_reached_directly(tmp_path: Path) -> None:
    async with exchanges() as host, http_proxy() as proxy:
        port = host.partition(":")[2]
        address = f"http://127.0.0.1:{proxy.port}"
        async with running(tmp_path, f"{HOST}:{port}", HTTP_PROXY=address, NO_PROXY=".example") as collector:
            await until(lambda: collector.venue.rest.outcomes["failed"])
            assert proxy.targets == []


async def test_loopback_is_never_proxied(tmp_path: Path) -> None:
    async with exchanges() as host, running(tmp_path, host, HTTP_PROXY="http://127.0.0.1:1") as collector:
        await until(lambda: "live" in collector.venue.book_states().values())
