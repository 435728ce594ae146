import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from marketprism.collector.venue import VenueCollector
from marketprism.contract.catalog import DATA_TYPES
from marketprism.pipeline.outputs import Record
from marketprism.settings import VenueSettings
from marketprism.telemetry.watchdog import Watchdog
from tests.collector.simulated import exchange
from tests.collector.waiting import until


class Collected:
    """A venue whose events are kept."""

    def __init__(self, name: str, settings: VenueSettings) -> None:
        self.records: list[Record] = []
        self.taps: list[bytes] = []
        self.venue = VenueCollector(
            name, settings, sink=self._keep, tap=lambda body, _ns: self.taps.append(body), book_interval_seconds=0.1
        )

    async def _keep(self, record: Record) -> None:
        self.records.append(record)

    def count(self, data_type: str) -> int:
        return sum(record.data_type == data_type for record in self.records)


@asynccontextmanager
async def collecting(name: str, settings: VenueSettings) -> AsyncIterator[Collected]:
    collected = Collected(name, settings)
    task = asyncio.create_task(collected.venue.run(Watchdog().loop(name)))
    try:
        yield collected
    finally:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


@pytest.mark.parametrize(("name", "market"), [("binance-spot", "spot"), ("binance-usdm", "usdm")])
async def test_trades_and_a_live_book_come_from_a_simulated_exchange(name: str, market: str) -> None:
    async with exchange(market) as settings, collecting(name, settings) as collected:
        await until(lambda: collected.count("trade") > 5 and collected.count("orderbook") > 3)
        venue = collected.venue
        assert venue.book_states() == {"BTC-USDT": "live"}
        assert venue.stale() == []
        assert set(venue.ages()) == {("trade", "BTC-USDT"), ("orderbook", "BTC-USDT")}
        assert max(venue.ages().values()) < 5
        assert venue.feed.counters.refused.total() == 0
        assert sum(venue.feed.counters.gaps.values()) == 0
        assert any(b'"lastUpdateId"' in body for body in collected.taps), "snapshots are tapped too"


async def test_a_lost_connection_unsynchronises_its_books() -> None:
    async with exchange() as settings, collecting("binance-spot", settings) as collected:
        await until(lambda: collected.venue.book_states() == {"BTC-USDT": "live"})
        for session in collected.venue.sessions.values():
            session._on_lost()
        assert collected.venue.book_states() == {"BTC-USDT": "buffering"}
        await until(lambda: collected.venue.book_states() == {"BTC-USDT": "live"})


async def test_a_feed_without_events_is_stale_by_name_after_the_contracts_limit() -> None:
    settings = VenueSettings(
        ws_url="ws://127.0.0.1:1",
        rest_url="http://127.0.0.1:1",
        symbols=("BTC-USDT",),
        data_types=("trade", "orderbook"),
    )
    venue = Collected("binance-spot", settings).venue
    assert venue.stale() == []
    venue._seen["trade", "BTC-USDT"] -= DATA_TYPES["trade"].freshness_seconds + 1
    assert venue.stale() == ["binance-spot trade BTC-USDT"]


async def test_a_venue_without_books_has_no_book_states() -> None:
    settings = VenueSettings(
        ws_url="ws://127.0.0.1:1", rest_url="http://127.0.0.1:1", symbols=("BTC-USDT",), data_types=("trade",)
    )
    assert Collected("binance-spot", settings).venue.book_states() == {}
