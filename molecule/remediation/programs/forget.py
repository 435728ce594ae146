"""Delete the durable consumer of a stream."""

import asyncio

from marketprism import settings as configuration
from marketprism.contract.catalog import STREAMS
from marketprism.ops import streams

STREAM = "MARKET_DATA"


async def run() -> None:
    """Do it once."""
    async with streams.connect(configuration.load()) as jetstream:
        await jetstream.call(f"CONSUMER.DELETE.{STREAM}.{STREAMS[STREAM].consumer}")


asyncio.run(run())
