"""Brings streams and consumers forward to the contract. Never deletes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import msgspec
import nats.errors
from nats.aio.client import Client as NatsClient

from marketprism.contract import schema
from marketprism.contract.catalog import STREAMS, Stream
from marketprism.errors import UnavailableError
from marketprism.nats_login import NatsLogin
from marketprism.ops.drift import config_drift
from marketprism.settings import Settings

_SECONDS = 5.0
_CONNECT_SECONDS = 6.0
_NOT_FOUND = 404


@dataclass(frozen=True, slots=True)
class Step:
    """One call that brings the server forward.

    Attributes:
        texts: What differs.
        subject: Of the JetStream API.
        body: The request.
    """

    texts: list[str]
    subject: str
    body: dict[str, Any]


class JetStream:
    """The JetStream API, as one user.

    Attributes:
        client: The connection, for what the API sends beside its answers.
    """

    def __init__(self, client: NatsClient) -> None:
        self.client = client

    async def call(self, subject: str, body: object = None) -> dict[str, Any]:
        """Return the answer, an error included.

        Raises:
            UnavailableError: The server does not answer.
        """
        return await self._request(f"$JS.API.{subject}", b"" if body is None else msgspec.json.encode(body))

    async def publish(self, subject: str, payload: bytes, headers: dict[str, str]) -> dict[str, Any]:
        """Publish into the stream that captures a subject; returns the acknowledgement, an error included.

        Raises:
            UnavailableError: No acknowledgement came; whether the message is stored is unknown.
        """
        return await self._request(subject, payload, headers)

    async def _request(self, subject: str, payload: bytes, headers: dict[str, str] | None = None) -> dict[str, Any]:
        try:
            answer = await self.client.request(subject, payload, timeout=_SECONDS, headers=headers)
        except (nats.errors.Error, TimeoutError) as error:
            raise UnavailableError(
                f"JetStream does not answer {subject}: {type(error).__name__}",
                remedy="see 'systemctl status nats-server' and that JetStream is enabled",
            ) from error
        return msgspec.json.decode(answer.data, type=dict[str, Any])


@asynccontextmanager
async def connect(settings: Settings, user: str = "admin") -> AsyncIterator[JetStream]:
    """Connect, as the administrator where no other user is named.

    Raises:
        UnavailableError: NATS does not answer or refuses the user.
        ConfigurationError: The credential cannot be read.
    """
    login = NatsLogin.of(settings, user)
    client = login.client()
    errors: list[Exception] = []

    async def remember(error: Exception) -> None:
        errors.append(error)

    try:
        # Left alone, the client would try an absent server for two minutes; a server that is away is told at once.
        async with asyncio.timeout(_CONNECT_SECONDS):
            await client.connect(
                **login.options(),
                allow_reconnect=False,
                max_reconnect_attempts=1,
                reconnect_time_wait=0,
                error_cb=remember,
            )
    except (nats.errors.Error, OSError, TimeoutError) as error:
        await client.close()
        cause = errors[-1] if errors else error
        raise UnavailableError(
            f"NATS at {settings.nats.url} cannot be reached: {type(cause).__name__} {cause}",
            remedy=f"see 'systemctl status nats-server' and the credential nats-{user}",
        ) from error
    try:
        yield JetStream(client)
    finally:
        await client.close()


async def steps(jetstream: JetStream, store_bytes: int) -> list[Step]:
    """List what has to change; the consumer of a missing stream follows the stream.

    Raises:
        UnavailableError: The server does not answer or refuses to tell.
    """
    found = []
    for stream in STREAMS.values():
        wanted = schema.stream_config(stream, store_bytes)
        live = await _config(jetstream, f"STREAM.INFO.{stream.name}")
        if live is None:
            found.append(Step([f"stream {stream.name} is missing"], f"STREAM.CREATE.{stream.name}", wanted))
        elif differences := config_drift(f"stream {stream.name}", wanted, live):
            found.append(Step(differences, f"STREAM.UPDATE.{stream.name}", {**live, **wanted}))
        if stream.consumer is not None:
            found += await _consumer_steps(jetstream, stream, stream.consumer)
    return found


async def _consumer_steps(jetstream: JetStream, stream: Stream, name: str) -> list[Step]:
    what = f"consumer {name} of {stream.name}"
    wanted = schema.consumer_config(stream)
    subject = f"CONSUMER.CREATE.{stream.name}.{name}"
    live = await _config(jetstream, f"CONSUMER.INFO.{stream.name}.{name}")
    if live is None:
        body = {"stream_name": stream.name, "config": {"name": name, **wanted}, "action": "create"}
        return [Step([f"{what} is missing"], subject, body)]
    differences = config_drift(what, wanted, live)
    body = {"stream_name": stream.name, "config": {**live, **wanted}, "action": "update"}
    return [Step(differences, subject, body)] if differences else []


async def _config(jetstream: JetStream, subject: str) -> dict[str, Any] | None:
    answer = await jetstream.call(subject)
    error = answer.get("error")
    if error is None:
        config: dict[str, Any] = answer["config"]
        return config
    if error.get("code") == _NOT_FOUND:
        return None
    raise UnavailableError(
        f"JetStream refuses {subject}: {error.get('description')}", remedy="see the journal of nats-server"
    )
