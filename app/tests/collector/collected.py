"""Venues whose events are kept."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from marketprism.collector.allowance import Allowance
from marketprism.collector.venue import VenueCollector
from marketprism.contract.events import Trade
from marketprism.pipeline.outputs import Record
from marketprism.settings import CollectorSettings, VenueSettings
from marketprism.telemetry.watchdog import Beat, Watchdog


class Collected:
    """One venue and what came from it."""

    def __init__(self, name: str, settings: VenueSettings, **collector: object) -> None:
        self.records: list[Record] = []
        self.taps: list[bytes] = []
        self.room_for_trades = asyncio.Event()
        self.room_for_trades.set()
        self.beat: Beat = Watchdog().loop(name)
        self.allowance = Allowance(20)
        self.venue = VenueCollector(
            name,
            settings,
            collector=CollectorSettings().model_copy(update={"book_interval_seconds": 0.1, **collector}),
            allowance=self.allowance,
            sink=self._keep,
            tap=lambda body, _ns: self.taps.append(body),
        )

    async def _keep(self, record: Record) -> None:
        self.records.append(record)
        if record.data_type == "trade":
            await self.room_for_trades.wait()

    def count(self, data_type: str) -> int:
        return sum(record.data_type == data_type for record in self.records)

    def trades(self) -> list[Trade]:
        return [record.event for record in self.records if isinstance(record.event, Trade)]

    def missing_ids(self) -> set[int]:
        """Ids between the first and the last trade that no trade covers."""
        adapter = self.venue._dialect.adapter([], ())
        covered = {n for first, last in map(adapter.chain, self.trades()) for n in range(first, last + 1)}
        return set(range(min(covered), max(covered) + 1)) - covered


@asynccontextmanager
async def collecting(name: str, settings: VenueSettings, **collector: object) -> AsyncIterator[Collected]:
    collected = Collected(name, settings, **collector)
    task = asyncio.create_task(collected.venue.run(collected.beat))
    try:
        yield collected
    finally:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
