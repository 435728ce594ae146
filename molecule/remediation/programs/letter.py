"""Lay a message aside that can be stored, as one is after what kept it out was repaired."""

import asyncio
import base64

from marketprism import settings as configuration
from marketprism.ops import streams
from marketprism.storage.consumer import Message
from marketprism.storage.dead_letters import DeadLetter, lay_aside

STREAM, SUBJECT = "MARKET_DATA", "trade.binance.spot.BTC-USDT"


async def run() -> None:
    """Do it once."""
    settings = configuration.load()
    async with streams.connect(settings) as jetstream:
        answer = await jetstream.call(f"STREAM.MSG.GET.{STREAM}", {"last_by_subj": SUBJECT})
    place, payload = answer["message"]["seq"], base64.b64decode(answer["message"]["data"])
    message = Message(SUBJECT, payload, place, consumer_seq=place, deliveries=1, pending=0, reply="")
    async with streams.connect(settings, "storage") as storage:
        await lay_aside(storage.client, STREAM, 0, DeadLetter(message, "refused", "until somebody repaired it", 1))


asyncio.run(run())
