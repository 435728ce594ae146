"""Waiting for what happens elsewhere in the event loop."""

import asyncio
from collections.abc import Callable
from pathlib import Path


async def until(predicate: Callable[[], object], seconds: float = 40) -> None:
    """Wait until the predicate holds; TimeoutError when it does not in time."""
    async with asyncio.timeout(seconds):
        while not predicate():  # noqa: ASYNC110 - what is waited for has no event to wait on
            await asyncio.sleep(0.005)


def resources() -> tuple[int, int]:
    """Count what a cut connection could leave behind: open descriptors and tasks."""
    return len(list(Path("/proc/self/fd").iterdir())), len(asyncio.all_tasks())
