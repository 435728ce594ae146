"""Waiting for what happens elsewhere in the event loop."""

import asyncio
from collections.abc import Callable


async def until(predicate: Callable[[], object], seconds: float = 40) -> None:
    """Wait until the predicate holds; TimeoutError when it does not in time."""
    async with asyncio.timeout(seconds):
        while not predicate():  # noqa: ASYNC110 - what is waited for has no event to wait on
            await asyncio.sleep(0.005)
