"""What ends the collector before it collects; the rest is in tests/integration/test_collector_service.py."""

import asyncio
import socket
from pathlib import Path

import pytest

from marketprism.collector.service import CollectorService
from marketprism.errors import ConfigurationError, UnavailableError
from marketprism.nkey import NKey
from marketprism.settings import CollectorSettings, Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "nats-collector").write_text(NKey.generate().seed)
    collector = CollectorSettings(spool_directory=tmp_path / "spool")
    return Settings(credentials_directory=tmp_path, collector=collector)


def test_a_collector_without_venues_is_refused(settings: Settings) -> None:
    venues = {name: venue.model_copy(update={"enabled": False}) for name, venue in settings.venues.items()}
    with pytest.raises(ConfigurationError, match="no venue is enabled"):
        CollectorService(settings.model_copy(update={"venues": venues}))


def test_a_missing_credential_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="credential 'nats-collector' cannot be read"):
        CollectorService(Settings(credentials_directory=tmp_path))


async def test_a_taken_port_ends_the_start_by_name(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        busy = settings.collector.model_copy(update={"health_port": port})
        service = CollectorService(settings.model_copy(update={"collector": busy}))
        with pytest.raises(UnavailableError, match=f"port {port} on 127.0.0.1 is taken"):
            await service.run(asyncio.Event())


async def test_a_spool_that_cannot_be_used_ends_the_start_by_its_setting(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ports = {"health_port": free_port(), "metrics_port": free_port(), "spool_directory": tmp_path / "file"}
    changed = settings.collector.model_copy(update=ports)
    service = CollectorService(settings.model_copy(update={"collector": changed}))
    with pytest.raises(ConfigurationError, match=r"collector\.spool_directory"):
        await service.run(asyncio.Event())


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        return int(holder.getsockname()[1])
