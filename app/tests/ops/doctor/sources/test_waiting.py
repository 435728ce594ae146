"""A call that hangs holds nobody up, and an error reaches who asked."""

import asyncio
import threading

import pytest

from marketprism.ops.doctor.sources.waiting import blocking


async def test_the_result_and_the_error_come_back() -> None:
    assert await blocking(int, "17") == 17
    with pytest.raises(ValueError, match="invalid literal"):
        await blocking(int, "x")


def test_a_call_that_hangs_does_not_keep_the_loop_from_ending() -> None:
    release = threading.Event()

    async def impatient() -> None:
        async with asyncio.timeout(0.05):
            await blocking(release.wait)

    with pytest.raises(TimeoutError):
        asyncio.run(impatient())
    release.set()
