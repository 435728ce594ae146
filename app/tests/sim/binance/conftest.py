"""A simulator of Binance that is asked over REST."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from tests.sim.conftest import Frame, Serve


@pytest.fixture
async def get(serve: Serve) -> AsyncIterator[Any]:
    """Asks for a path; status, body and the weight that is used up."""
    async with serve() as simulator, aiohttp.ClientSession(f"http://127.0.0.1:{simulator.port}") as session:

        async def get(path: str) -> tuple[int, Frame, int]:
            async with session.get(path) as answer:
                weight = int(answer.headers["X-MBX-USED-WEIGHT-1M"])
                return answer.status, await answer.json(), weight

        yield get
