"""How one of the contract's users logs in to NATS, and by what it knows the server. Every connection begins here."""

import asyncio
import logging
import ssl
from datetime import UTC, datetime
from typing import Any, Self
from urllib.parse import urlsplit

from nats.aio.client import Client

from marketprism.contract.catalog import inbox_prefix
from marketprism.errors import ConfigurationError
from marketprism.nkey import NKey
from marketprism.settings import Settings


class NatsLogin:
    """A user at a server.

    Args:
        url: ``nats://host:port``, or ``tls://host:port``.
        user: Name in the contract, which is also the last token of the inbox prefix.
        key: Its key pair.
        tls: What the server's certificate is checked with; needed for ``tls://``.
    """

    def __init__(self, url: str, user: str, key: NKey, tls: ssl.SSLContext | None = None) -> None:
        self.url = url
        self.user = user
        self._key = key
        self._tls = tls

    @classmethod
    def of(cls, settings: Settings, user: str) -> Self:
        """Take the server from the settings and the seed from its credential.

        Raises:
            ConfigurationError: The credential or the authority's certificate cannot be read or is none.
        """
        credential = f"nats-{user}"
        try:
            key = NKey(settings.credential(credential))
        except ValueError as error:
            raise ConfigurationError(
                f"credential {credential!r} cannot be used: {error}", remedy="run the deployment again"
            ) from error
        return cls(settings.nats.url, user, key, _tls(settings) if settings.nats.secured else None)

    def client(self) -> Client:
        """Make a client that has never been connected; `options` go to its ``connect``."""
        return _Client(self._key.public)

    def options(self) -> dict[str, Any]:
        """Return what ``connect`` needs to know about the server and the user."""
        options: dict[str, Any] = {
            "servers": self.url,
            "name": f"marketprism-{self.user}",
            "signature_cb": self._key.sign,
            "inbox_prefix": inbox_prefix(self.user),
        }
        if self._tls is not None:
            # nats-py makes a plain connection into one of TLS, and asyncio warns that the two end in different ways.
            logging.getLogger("asyncio").addFilter(_is_no_end_of_tls)
            # At once: what the server says before it could also be said by somebody between.
            options |= {"tls": self._tls, "tls_handshake_first": True}
        return options


def _is_no_end_of_tls(record: logging.LogRecord) -> bool:
    return "eof_received()" not in record.getMessage()


async def certificate_end(settings: Settings) -> datetime:
    """Ask the server for its certificate; returns until when that is valid.

    Raises:
        OSError: The server is away, or its certificate is refused (`ssl.SSLCertVerificationError`).
        ConfigurationError: The authority's certificate cannot be read.
    """
    address = urlsplit(settings.nats.url)
    _, writer = await asyncio.open_connection(address.hostname, address.port, ssl=_tls(settings))
    end: str = writer.get_extra_info("peercert")["notAfter"]
    writer.close()
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(end), UTC)


class _Client(Client):
    def __init__(self, public_key: str) -> None:
        super().__init__()
        self._public_nkey = public_key  # there is no parameter for a key with which we sign ourselves

    async def _process_connect_init(self) -> None:
        try:
            await super()._process_connect_init()
        except OSError:
            # Left to itself it waits for ever for the end of a connection whose TLS handshake has failed.
            if self._transport is not None:
                self._transport.close()  # type: ignore[no-untyped-call]  # nats-py has no type for it
                self._transport = None
            raise


def _tls(settings: Settings) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=settings.nats.ca_file)
    except OSError as error:
        raise ConfigurationError(
            f"nats.ca_file {settings.nats.ca_file} cannot be used: {error}",
            remedy="run the deployment again, or name the certificate of the authority that signed the server's",
        ) from error
