"""Publish a trade that is stored already, made large by blanks, again and again: more than storage reads."""

import asyncio
import base64

from marketprism import settings as configuration
from marketprism.ops import streams

SUBJECT = "trade.binance.spot.BTC-USDT"
BYTES = 900_000
PAUSE_SECONDS = 0.02


async def run() -> None:
    """Publish until the end."""
    async with streams.connect(configuration.load()) as jetstream:
        answer = await jetstream.call("STREAM.MSG.GET.MARKET_DATA", {"last_by_subj": SUBJECT})
        message = base64.b64decode(answer["message"]["data"]).ljust(BYTES)
        while True:
            await jetstream.client.publish(SUBJECT, message)
            await jetstream.client.flush()
            await asyncio.sleep(PAUSE_SECONDS)


asyncio.run(run())
