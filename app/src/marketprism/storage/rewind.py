"""Reads acknowledged messages once more, after a crash that may have taken their rows along.

A power cut can remove a part whose insert had been answered, and the acknowledgement that followed it stands. The
durable consumer stays where it is: an ephemeral one of its own reads again, and the writer inserts what is not there.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

import msgspec
from nats.aio.client import Client as NatsClient

from marketprism.contract.catalog import REWIND_CONSUMER, Stream
from marketprism.contract.schema import rewind_consumer_config
from marketprism.errors import UnavailableError
from marketprism.storage.consumer import Session, ask


@asynccontextmanager
async def rewound(nats: NatsClient, stream: Stream, first: int) -> AsyncIterator[Session]:
    """Open a session that reads a stream from a sequence on; nothing it reads can be acknowledged.

    Args:
        nats: A connected client with the storage user's rights.
        stream: A stream with a consumer; that one is left alone.
        first: First sequence; where it is gone, the first that is still there.

    Raises:
        UnavailableError: NATS does not answer or refuses.
    """
    name = f"{stream.name}.{REWIND_CONSUMER}"
    with suppress(UnavailableError):  # of an earlier rewind that was interrupted
        await ask(nats, f"$JS.API.CONSUMER.DELETE.{name}")
    body = {"stream_name": stream.name, "config": rewind_consumer_config(first), "action": "create"}
    await ask(nats, f"$JS.API.CONSUMER.CREATE.{name}", msgspec.json.encode(body))
    session = Session(nats, replace(stream, consumer=REWIND_CONSUMER))
    try:
        await session.open()
        session.ack_floor = first - 1
        yield session
    finally:
        await session.close()
        with suppress(UnavailableError):
            await ask(nats, f"$JS.API.CONSUMER.DELETE.{name}")
