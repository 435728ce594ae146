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
from marketprism.storage.consumer import Message, Session, ask, pending_messages


class Rewound(Session):
    """A session of the ephemeral consumer; what it reads can be acknowledged by nobody."""

    async def pull(self, *, messages: int, size: int, seconds: float) -> list[Message]:
        """Return what arrives until a limit is reached; nothing at the end alone.

        Raises:
            UnavailableError: The session is over, or the server is too slow; open a new one.
        """
        found = await super().pull(messages=messages, size=size, seconds=seconds)
        if not found and (pending := await pending_messages(self._nats, self._stream)):
            raise UnavailableError(
                f"{pending} messages of {self._stream.name} did not come within {seconds} s",
                remedy="they are read again from the start; look at the disk of NATS",
            )
        return found


@asynccontextmanager
async def rewound(nats: NatsClient, stream: Stream, first: int) -> AsyncIterator[Rewound]:
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
    session = Rewound(nats, replace(stream, consumer=REWIND_CONSUMER))
    try:
        await session.open()
        session.ack_floor = first - 1
        yield session
    finally:
        await session.close()
        with suppress(UnavailableError):
            await ask(nats, f"$JS.API.CONSUMER.DELETE.{name}")
