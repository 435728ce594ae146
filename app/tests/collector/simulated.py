"""A simulated exchange in this process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from marketprism.settings import VenueSettings
from marketprism.sim.server import Simulator
from marketprism.sim.settings import SimSettings


@asynccontextmanager
async def exchange(market: str = "spot", **settings: object) -> AsyncIterator[VenueSettings]:
    """Serve one, and yield the settings with which a venue reaches it."""
    simulator = Simulator(SimSettings(port=0, **settings))  # type: ignore[arg-type]
    stop, ready = asyncio.Event(), asyncio.Event()
    serving = asyncio.create_task(simulator.serve(stop, ready.set))
    async with asyncio.timeout(10):
        await ready.wait()
    address = f"127.0.0.1:{simulator.port}/{market}"
    try:
        yield VenueSettings(
            ws_url=f"ws://{address}",
            rest_url=f"http://{address}",
            symbols=("BTC-USDT",),
            data_types=("trade", "orderbook"),
        )
    finally:
        stop.set()
        await serving
