"""Through which proxy an address is reached."""

import ipaddress
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

from pydantic import SecretStr

from marketprism.settings import CollectorSettings, VenueSettings


@dataclass(frozen=True, slots=True)
class Proxies:
    """The proxies of one venue. Loopback and private addresses are never proxied: no exchange is there.

    Attributes:
        http: For ``http`` and ``ws`` addresses; None goes directly.
        https: For ``https`` and ``wss``.
        exempt: Hosts, domains, networks (``10.0.0.0/8``), each with a port or without, that are reached directly;
            ``*`` exempts all.
    """

    http: str | None = None
    https: str | None = None
    exempt: tuple[str, ...] = ()

    @classmethod
    def of(cls, collector: CollectorSettings, venue: VenueSettings) -> Self:
        """Read the settings; the venue's own proxy comes before the general ones."""
        own, http, https = map(_address, (venue.proxy, collector.http_proxy, collector.https_proxy))
        exempt = tuple(part.strip() for part in collector.no_proxy.split(",") if part.strip())
        return cls(own or http, own or https, exempt)

    def route(self, url: str) -> str | None:
        """Return the proxy for an address of an exchange; None goes directly."""
        target = urlsplit(url)
        host = target.hostname or ""
        port = target.port or (443 if target.scheme in {"https", "wss"} else 80)
        if _is_near(host) or any(_covers(entry, host, port) for entry in self.exempt):
            return None
        return self.https if target.scheme in {"https", "wss"} else self.http


def _address(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()


def masked(proxy: str) -> str:
    """Return a proxy's address without user and password, for the log."""
    parts = urlsplit(proxy)
    return f"{parts.scheme}://{parts.hostname}:{parts.port}"


def _is_near(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return False


def _covers(entry: str, host: str, port: int) -> bool:
    if entry == "*":
        return True
    name, colon, wanted_port = entry.rpartition(":")
    if colon and wanted_port.isdigit() and ":" not in name:
        return int(wanted_port) == port and _covers(name, host, port)
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(entry, strict=False)
    except ValueError:
        domain = entry.removeprefix("*").removeprefix(".").lower()
        return host == domain or host.endswith(f".{domain}")
