"""Publishing to a real server, and reading back what its streams hold."""

import asyncio
from collections.abc import AsyncIterator

import nats.js.errors
from nats.aio.client import Client as NatsClient

from marketprism.collector.publisher import Publisher
from marketprism.contract import wire
from marketprism.contract.instruments import Source
from tests.collector.events import instrument, trade
from tests.integration.conftest import api
from tests.integration.servers import NatsServer

SYMBOLS = [f"S{n}-USDT" for n in range(20)]


def make(server: NatsServer, **options: object) -> Publisher:
    return Publisher(login=server.login("collector"), **options)


async def stored(client: NatsClient, stream: str) -> AsyncIterator[tuple[str, list[int]]]:
    """Every message of a stream: its subject and its events' ids."""
    state = (await api(client, f"STREAM.INFO.{stream}"))["state"]
    jetstream = client.jetstream()
    for sequence in range(state["first_seq"], state["last_seq"] + 1):
        try:
            message = await jetstream.get_msg(stream, sequence)
        except nats.js.errors.NotFoundError:
            continue
        envelope = wire.decode(message.subject, message.data)
        key = "trade_id" if envelope.type == "trade" else "update_id"
        yield message.subject, [getattr(event, key) for event in envelope.events]


async def ids(client: NatsClient, stream: str) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    async for subject, numbers in stored(client, stream):
        found.setdefault(subject, []).extend(numbers)
    return found


async def feed(publisher: Publisher, numbers: range, *, pause_every: int = 1000) -> None:
    for number in numbers:
        for symbol in SYMBOLS:
            await publisher.publish("trade", Source.SIMULATED, instrument(symbol), trade(number))
        if number % pause_every == 0:
            await asyncio.sleep(0)
