import dataclasses
import time

import msgspec
import pytest

from marketprism.collector import venue as module
from marketprism.collector.groups import unwrapped
from marketprism.collector.liveness import FeedState
from marketprism.collector.state import Condition
from marketprism.contract.venues import VENUES
from marketprism.errors import ConfigurationError
from marketprism.settings import VenueSettings
from tests.collector.collected import Collected, collecting
from tests.collector.simulated import exchange, exchanges, inject, reached
from tests.collector.waiting import until

NOWHERE = VenueSettings(
    ws_url="ws://127.0.0.1:1",
    rest_url="http://127.0.0.1:1",
    symbols=("BTC-USDT",),
    data_types=("trade", "orderbook"),
)


@pytest.mark.parametrize("name", VENUES)
async def test_trades_and_a_live_book_come_from_a_simulated_exchange(name: str) -> None:
    async with exchange(name) as settings, collecting(name, settings) as collected:
        await until(lambda: collected.count("trade") > 5 and collected.count("orderbook") > 3)
        venue, (symbol,) = collected.venue, settings.symbols
        assert venue.book_states() == {symbol: "live"}
        assert venue.stale() == []
        assert venue.feed_states() == {("trade", symbol): FeedState.LIVE, ("orderbook", symbol): FeedState.LIVE}
        assert max(venue.ages().values()) < 5
        assert venue.counters.refused.total() == 0
        assert venue.counters.gaps.total() == 0
        assert venue.state.condition(time.time_ns()) is Condition.COLLECTING
        assert venue.skew_seconds is not None
        assert abs(venue.skew_seconds) < 1


async def test_frames_and_the_answers_to_the_feeds_requests_are_tapped() -> None:
    async with exchange() as settings, collecting("binance-spot", settings) as collected:
        await until(lambda: collected.count("orderbook"))
        assert any(b'"lastUpdateId"' in body for body in collected.taps)
        assert any(b"@trade" in body for body in collected.taps)
        assert not any(b'"symbols"' in body for body in collected.taps), "a listing is no market data"


async def test_a_symbol_that_is_not_listed_ends_the_service_naming_near_ones() -> None:
    async with exchange() as settings:
        wrong = settings.model_copy(update={"symbols": ("BTC-USDT", "ETH-USTD")})
        collected = Collected("binance-spot", wrong)
        with pytest.raises(ConfigurationError, match=r"does not list 'ETH-USTD'; did you mean ETH-USDT"), unwrapped():
            await collected.venue.run(collected.beat)


async def test_while_the_list_of_instruments_does_not_come_the_wait_has_a_name() -> None:
    async with collecting("binance-spot", NOWHERE) as collected:
        await until(lambda: collected.venue.state.cause(time.time_ns()))
        assert collected.beat.cause == "the instruments of binance-spot"
        cause = collected.venue.state.cause(time.time_ns())
        assert cause is not None
        assert cause.startswith("waits for its list of instruments: /api/v3/exchangeInfo")
        assert "Cannot connect" in cause
        assert collected.venue.sessions == {}
        assert collected.venue.book_states() == {}
        assert set(collected.venue.feed_states().values()) == {FeedState.WAITING}


async def test_a_blocked_venue_is_named_and_the_others_are_untouched() -> None:
    async with exchanges() as host:
        spot, swap = reached("binance-spot", host), reached("okx-swap", host)
        await inject(spot, "geo-blocked", "binance-spot", seconds=60)
        async with collecting("binance-spot", spot) as blocked, collecting("okx-swap", swap) as other:
            await until(lambda: blocked.venue.state.condition(time.time_ns()) is Condition.BLOCKED)
            await until(lambda: other.count("trade") > 3)
            cause = blocked.venue.state.cause(time.time_ns())
            assert cause is not None
            assert cause.startswith("blocked: HTTP 451")
            assert blocked.records == []
            assert blocked.venue.rest.outcomes["blocked"] == 1, "asked once, not again and again"
            assert other.venue.state.condition(time.time_ns()) is Condition.COLLECTING


async def test_a_delisted_symbol_is_delisted_and_never_stale(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REFRESH_SECONDS", 0.2)
    async with exchange("okx-swap") as settings, collecting("okx-swap", settings) as collected:
        await until(lambda: collected.count("trade"))
        await inject(settings, "delisted", "okx-swap", symbol="BTC-USDT-SWAP")
        await until(lambda: set(collected.venue.feed_states().values()) == {FeedState.DELISTED})
        assert collected.venue.stale() == []


async def test_an_instrument_that_changes_starts_the_collection_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REFRESH_SECONDS", 0.2)
    async with exchange("okx-swap") as settings, collecting("okx-swap", settings) as collected:
        await until(lambda: collected.count("trade"))
        first, fetch = collected.venue.collection, collected.venue._fetch

        async def resized() -> object:
            listings = await fetch()
            return {s: _resized(each) for s, each in listings.items()}

        monkeypatch.setattr(collected.venue, "_fetch", resized)
        await until(lambda: collected.venue.collection is not first)
        collected.records.clear()
        await until(lambda: collected.count("trade"))
        assert {record.instrument.contract_size for record in collected.records} == {"7"}


async def test_without_books_there_are_no_book_states() -> None:
    trades = NOWHERE.model_copy(update={"data_types": ("trade",)})
    assert Collected("binance-spot", trades).venue.book_states() == {}


def _resized(listing: module.Listing) -> module.Listing:
    return dataclasses.replace(listing, instrument=msgspec.structs.replace(listing.instrument, contract_size="7"))
