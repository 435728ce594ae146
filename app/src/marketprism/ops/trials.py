"""One round trip to a server with a user's own rights, for people who want to see it answer."""

import time

from marketprism.clickhouse_http import ClickHouseHttp
from marketprism.errors import UnavailableError
from marketprism.ops import streams
from marketprism.settings import Settings


async def nats(settings: Settings, user: str = "admin") -> str:
    """Connect as one of the contract's users, publish a question to JetStream and receive its answer.

    Raises:
        UnavailableError: NATS does not answer or refuses the user, or JetStream is off.
        ConfigurationError: The credential cannot be read.
    """
    async with streams.connect(settings, user) as jetstream:
        started = time.monotonic()
        answer = await jetstream.call("INFO")
        seconds = time.monotonic() - started
    if "error" in answer:
        raise UnavailableError(
            f"NATS at {settings.nats.url} has no JetStream: {answer['error']}", remedy="see the journal of nats-server"
        )
    return (
        f"NATS at {settings.nats.url} answers in {seconds * 1000:.1f} ms: {answer['streams']} streams,"
        f" {answer['consumers']} consumers, {answer['storage']} bytes"
    )


def clickhouse(settings: Settings) -> str:
    """Ask ClickHouse for ``SELECT 1`` as the reader.

    Raises:
        UnavailableError: It does not answer.
        QueryRefusedError: It refuses the user.
        ConfigurationError: The credential cannot be read.
    """
    started = time.monotonic()
    (row,) = ClickHouseHttp(settings, "reader", answer_seconds=10.0).rows("SELECT 1 AS one, version() AS version")
    seconds = time.monotonic() - started
    address = f"{settings.clickhouse.host}:{settings.clickhouse.http_port}"
    return f"ClickHouse {row['version']} at {address} answers SELECT {row['one']} in {seconds * 1000:.1f} ms"
