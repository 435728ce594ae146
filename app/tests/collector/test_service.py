"""What ends the collector before it collects; the rest is in tests/integration/test_collector_service.py."""

import asyncio
import socket
import time
from pathlib import Path

import pytest

from marketprism.collector import service as module
from marketprism.collector.service import CollectorService
from marketprism.collector.spool_records import decode
from marketprism.collector.venue import VenueCollector
from marketprism.contract import wire
from marketprism.contract.instruments import Source
from marketprism.errors import ConfigurationError, UnavailableError
from marketprism.nkey import NKey
from marketprism.pipeline.outputs import Record
from marketprism.settings import CollectorSettings, Settings
from marketprism.telemetry.watchdog import Beat
from tests.collector.driven import STORED
from tests.collector.events import instrument, trade


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


@pytest.mark.parametrize("named", [True, False])
async def test_a_publisher_that_stands_still_is_stuck_unless_the_lack_of_acknowledgements_is_named(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, *, named: bool
) -> None:
    monkeypatch.setattr(module, "STALLED_SECONDS", 0.1)
    monkeypatch.setattr(module, "WATCH_SECONDS", 0.02)
    service = CollectorService(settings)
    service._publisher._connection.cause = None
    lane = service._publisher.lanes["MARKET_DATA"]
    await service._publisher.publish("trade", Source.LIVE, instrument(), trade(1))
    lane.flush()
    message = lane.next_message()
    assert message is not None
    watch = asyncio.create_task(service._watch_publisher())
    message.sent_at = time.monotonic() - (lane._limits.ack_seconds + 1 if named else 0)
    lane.tick()
    await asyncio.sleep(0.4)
    assert list(service._watchdog.stuck()) == ([] if named else ["publisher"])
    lane.answered(message.number, STORED)
    await asyncio.sleep(0.1)
    assert service._watchdog.stuck() == {}
    watch.cancel()


async def test_a_venue_that_fails_takes_nothing_received_along(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(venue: VenueCollector, _beat: Beat) -> None:
        for number in range(3):
            await venue._sink(Record("trade", instrument(), trade(number)))
        raise ConfigurationError("not listed", remedy="list it")

    monkeypatch.setattr(VenueCollector, "run", fail)
    monkeypatch.setattr(module, "DRAIN_SECONDS", 0.1)
    ports = {"health_port": free_port(), "metrics_port": free_port()}
    update = {
        "collector": settings.collector.model_copy(update=ports),
        "nats": settings.nats.model_copy(update={"url": "nats://127.0.0.1:1"}),
        "venues": {"okx-swap": settings.venues["okx-swap"]},
    }
    with pytest.raises(ConfigurationError, match="not listed"):
        await CollectorService(settings.model_copy(update=update)).run(asyncio.Event())
    (path,) = settings.collector.spool_directory.iterdir()
    (record,) = decode(path.read_bytes(), 10).records
    assert [event.trade_id for event in wire.decode(record.subject, record.payload).events] == [0, 1, 2]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        return int(holder.getsockname()[1])
