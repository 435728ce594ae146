"""Simulated exchanges in this process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import aiohttp

from marketprism.settings import VenueSettings
from marketprism.sim.server import Simulator
from marketprism.sim.settings import SimSettings

PREFIXES = {"binance-spot": "/spot", "binance-usdm": "/usdm"}


@asynccontextmanager
async def exchanges(**settings: object) -> AsyncIterator[str]:
    """Serve all venues, and yield their ``host:port``."""
    simulator = Simulator(SimSettings(port=0, **settings))
    stop, ready = asyncio.Event(), asyncio.Event()
    serving = asyncio.create_task(simulator.serve(stop, ready.set))
    async with asyncio.timeout(10):
        await ready.wait()
    try:
        yield f"127.0.0.1:{simulator.port}"
    finally:
        stop.set()
        await serving


def reached(venue: str, host: str, **settings: object) -> VenueSettings:
    """Return the settings with which a venue is reached there."""
    address = host + PREFIXES.get(venue, "")
    symbols = ("BTC-USD",) if venue == "deribit" else ("BTC-USDT",)
    given = {"symbols": symbols, "data_types": ("trade", "orderbook"), **settings}
    return VenueSettings(ws_url=f"ws://{address}", rest_url=f"http://{address}", **given)


@asynccontextmanager
async def exchange(venue: str = "binance-spot", **settings: object) -> AsyncIterator[VenueSettings]:
    """Serve all venues, and yield the settings with which one is reached."""
    async with exchanges(**settings) as host:
        yield reached(venue, host)


async def inject(settings: VenueSettings, fault: str, venue: str, **parameters: object) -> None:
    """Let a venue have a fault; see `marketprism.sim.faults`."""
    body = {"fault": fault, "venue": venue, **parameters}
    async with (
        aiohttp.ClientSession() as http,
        http.post(f"http://{urlsplit(settings.rest_url).netloc}/control/faults", json=body) as answer,
    ):
        assert answer.status == 201, await answer.text()
