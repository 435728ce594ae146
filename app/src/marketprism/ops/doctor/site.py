"""What is installed on this host and where it is asked, whatever state the settings are in."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from marketprism import settings as configuration
from marketprism.contract.catalog import PORTS
from marketprism.errors import ConfigurationError, RightsError
from marketprism.ops.status import INSTALLATION
from marketprism.settings import Settings

DATA_PATHS = (Path("/var/lib/nats"), Path("/var/lib/clickhouse"), Path("/var/lib/marketprism"))
BACKUPS = Path("/var/lib/marketprism/backups")
"""A link to the directory of the backups, made where the inventory names one."""
PATHS = {
    "nats_monitor": "/healthz",
    "clickhouse_http": "/ping",
    "storage_hot": "/health",
    "storage_cold": "/health",
    "collector": "/health",
}
"""Where each endpoint says how it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One installation.

    Attributes:
        is_here: Whether this is an installed host. A clone knows only the addresses of the installation that it
            deployed, and a computer that is neither knows nothing.
        units: Names of this host's units.
        endpoints: Addresses by name: ``http://127.0.0.1:8087``.
        settings: None when they cannot be read.
        config_error: What is wrong with them.
        unreadable: Why this user may not read them, which says nothing about them.
    """

    is_here: bool
    units: tuple[str, ...]
    endpoints: Mapping[str, str]
    settings: Settings | None
    config_error: str = ""
    unreadable: str = ""

    @property
    def ports(self) -> dict[str, int]:
        """Ports by endpoint name; those of the contract where the installation says nothing."""
        found = {name: urlsplit(url if "//" in url else f"//{url}").port for name, url in self.endpoints.items()}
        return PORTS | {name: port for name, port in found.items() if port is not None}


def find(installation: Path = INSTALLATION) -> Site:
    """Read what is known; nothing here fails.

    Args:
        installation: The record that a deployment leaves.
    """
    settings, error, unreadable = None, "", ""
    try:
        settings = configuration.load()
    except RightsError as refused:
        unreadable = str(refused)
    except ConfigurationError as refused:
        error = str(refused)
    try:
        found = json.loads(installation.read_text(encoding="utf-8"))
        units, endpoints = tuple(found["units"]), dict(found["endpoints"])
    except (OSError, ValueError, KeyError):
        is_here, units, endpoints = False, (), endpoints_of(settings) if settings is not None and _is_named() else {}
    else:
        is_here = True
    return Site(
        is_here=is_here,
        units=units,
        endpoints=endpoints,
        settings=settings,
        config_error=error,
        unreadable=unreadable,
    )


def _is_named() -> bool:
    """Tell whether the settings are more than the defaults; only asked where they could be read."""
    return configuration.CONFIG_VARIABLE in os.environ or configuration.default_config() is not None


def endpoints_of(settings: Settings) -> dict[str, str]:
    """Name the addresses that the settings know."""
    return {
        "nats_monitor": settings.nats.monitor_url,
        "clickhouse_http": f"http://{settings.clickhouse.host}:{settings.clickhouse.http_port}",
        "storage_hot": f"http://{settings.storage.bind}:{settings.storage.hot_port}",
        "collector": f"http://{settings.collector.bind}:{settings.collector.health_port}",
    }
