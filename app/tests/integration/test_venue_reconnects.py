"""Reconnects leave nothing behind: the whole collector in this process, the exchange and NATS as processes."""

import asyncio
import gc
import os
import sys
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from marketprism.collector import dialing
from marketprism.collector.budget import ATTEMPTS
from marketprism.collector.service import CollectorService
from marketprism.collector.venue import VenueCollector
from marketprism.contract.instruments import Exchange
from marketprism.settings import load
from tests.collector.waiting import until
from tests.integration.collecting import SimServer, collect_from

VENUE = "binance-usdm"
CONNECTIONS = 2


@dataclass(frozen=True, slots=True)
class Resources:
    """What this process holds."""

    descriptors: int
    tasks: int
    bytes: int

    @classmethod
    def now(cls) -> "Resources":
        gc.collect()
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        descriptors = len(list(Path("/proc/self/fd").iterdir()))
        return cls(descriptors, len(asyncio.all_tasks()), pages * os.sysconf("SC_PAGE_SIZE"))

    def equals(self, other: "Resources") -> bool:
        return (self.descriptors, self.tasks) == (other.descriptors, other.tasks)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections are opened again at once, and as often as it takes."""
    monkeypatch.setattr(dialing, "SOUND_SECONDS", 0.0)
    monkeypatch.setitem(ATTEMPTS, Exchange.BINANCE, (1000, 1.0))


class Reconnects:
    """A collector whose connections the exchange breaks off."""

    def __init__(self, sim: SimServer, venue: VenueCollector) -> None:
        self._sim, self._venue = sim, venue

    @property
    def losses(self) -> int:
        return sum(session.losses for session in self._venue.sessions.values())

    async def sound(self) -> None:
        """Wait until all connections are open and all books live."""
        await until(lambda: self._are_open() and set(self._venue.book_states().values()) == {"live"}, 120)

    async def force(self, count: int) -> None:
        """Break off all connections again and again, until there were so many losses."""
        wanted = self.losses + count
        while self.losses < wanted:
            before = self.losses
            await asyncio.to_thread(self._sim.inject, fault="close-all", venue=VENUE, code=1006)
            await until(lambda lost=before: self.losses == lost + CONNECTIONS and self._are_open())
        await self.sound()

    def _are_open(self) -> bool:
        sessions: Collection[object] = self._venue.sessions
        return len(sessions) == CONNECTIONS and all(each.is_open for each in self._venue.sessions.values())


@asynccontextmanager
async def collecting(directory: Path, config: Path) -> AsyncIterator[Reconnects]:
    (directory / "sim").mkdir()
    sim = SimServer(directory / "sim", "--market", VENUE, "--rate", "5")
    sim.start()
    collect_from(sim, config, directory / "spool", {VENUE: {"symbols": ["BTC-USDT"]}})
    service, stop = CollectorService(load(config, environ={})), asyncio.Event()
    running = asyncio.create_task(service.run(stop))
    try:
        yield Reconnects(sim, service._venues[0])
    finally:
        stop.set()
        await running
        sim.stop()


async def compared(reconnects: Reconnects, *, warm_up: int, count: int) -> tuple[Resources, Resources]:
    await reconnects.sound()
    await reconnects.force(warm_up)
    before = Resources.now()
    await reconnects.force(count)
    await until(lambda: Resources.now().equals(before))
    return before, Resources.now()


@pytest.mark.integration
@pytest.mark.timeout(300)
@pytest.mark.usefixtures("impatient", "streams")
async def test_fifty_reconnects_leave_no_descriptor_and_no_task_behind(tmp_path: Path, config_file: Path) -> None:
    async with collecting(tmp_path, config_file) as reconnects:
        before, after = await compared(reconnects, warm_up=4, count=50)
        assert after.equals(before)
        assert reconnects.losses == 54


@pytest.mark.venue_faults
@pytest.mark.timeout(3600)
@pytest.mark.usefixtures("impatient", "streams")
async def test_a_thousand_reconnects_leave_no_descriptor_no_task_and_no_memory_behind(
    tmp_path: Path, config_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with collecting(tmp_path, config_file) as reconnects:
        before, after = await compared(reconnects, warm_up=100, count=1000)
        with capsys.disabled():
            sys.stdout.write(f"\n1,000 reconnects: {before}, {after}\n")
        assert after.equals(before)
        assert reconnects.losses == 1100
        assert after.bytes <= before.bytes * 1.05
