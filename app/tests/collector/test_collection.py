import asyncio
import dataclasses
import gc
import time

import pytest
from structlog.testing import capture_logs

from marketprism.collector import venue as venue_module
from marketprism.collector.collection import LOOK_SECONDS
from marketprism.collector.liveness import FeedState
from marketprism.collector.state import Condition
from marketprism.contract.catalog import DATA_TYPES
from marketprism.contract.events import Gap
from marketprism.contract.venues import VENUES
from marketprism.venues.registry import DIALECTS
from tests.collector.collected import Collected, collecting
from tests.collector.simulated import exchange, exchanges, inject, reached
from tests.collector.waiting import resources, until

LIMIT_SECONDS = 0.5
BINANCE = DIALECTS["binance-usdm"]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The contract with a patience of half a second for trades and books."""
    for name in ("trade", "orderbook"):
        short = dataclasses.replace(DATA_TYPES[name], freshness_seconds=LIMIT_SECONDS)
        monkeypatch.setitem(DATA_TYPES, name, short)


def rotations(collected: Collected) -> int:
    return sum(session.rotations for session in collected.venue.sessions.values())


def losses(collected: Collected) -> int:
    return sum(session.losses for session in collected.venue.sessions.values())


@pytest.mark.parametrize("name", VENUES)
async def test_no_trade_is_missing_over_rotations_and_no_book_starts_over(name: str) -> None:
    async with (
        exchange(name, rate=200.0) as settings,
        collecting(name, settings, rotation_seconds=1.5) as collected,
    ):
        await until(lambda: set(collected.venue.book_states().values()) == {"live"})
        resyncs, done = collected.venue.counters.resyncs, rotations(collected)
        await until(lambda: rotations(collected) >= done + 2 * len(collected.venue.sessions), 30)
        count = collected.count("trade")
        await until(lambda: collected.count("trade") > count + 50)
        counters = collected.venue.counters
        assert losses(collected) == 0
        assert collected.missing_ids() == set()
        assert counters.gaps.total() == 0
        assert counters.refused.keys() <= {"trade_repeated"}
        assert (counters.book_checks.crossed, counters.resyncs) == (0, resyncs)
        assert set(collected.venue.book_states().values()) == {"live"}


@pytest.mark.parametrize(("name", "fault"), [("binance-spot", "server-shutdown"), ("okx-swap", "service-upgrade")])
async def test_no_trade_is_missing_when_the_venue_announces_an_end(name: str, fault: str) -> None:
    async with exchange(name, rate=200.0) as settings, collecting(name, settings) as collected:
        await until(lambda: collected.count("trade") > 50 and "live" in collected.venue.book_states().values())
        await inject(settings, fault, name, after=8.0)
        await until(lambda: rotations(collected) == 1)
        count = collected.count("trade")
        await until(lambda: collected.count("trade") > count + 50)
        assert losses(collected) == 0
        assert collected.missing_ids() == set()


async def test_a_lost_connection_unsynchronises_its_books_and_tells_what_is_missing() -> None:
    async with exchange(rate=200.0) as settings, collecting("binance-spot", settings) as collected:
        await until(lambda: collected.venue.book_states() == {"BTC-USDT": "live"})
        await inject(settings, "close-all", "binance-spot", code=1006)
        await until(lambda: losses(collected) == 1)
        await until(lambda: collected.venue.book_states() == {"BTC-USDT": "live"})
        await until(lambda: collected.venue.counters.healed["trade"] == 1)
        gaps = [record.event for record in collected.records if isinstance(record.event, Gap)]
        assert {gap.data_type for gap in gaps} == {"trade", "orderbook"}
        assert collected.missing_ids() == set(), "what was lost was fetched over REST"


async def test_a_hundred_cuts_of_a_venue_leave_no_descriptor_and_no_task_behind() -> None:
    """As many as fit into Binance's budget of attempts; test_session.py has a thousand."""

    async with exchange() as settings, collecting("binance-spot", settings, reconnect_seconds=0.01) as collected:
        await until(lambda: "live" in collected.venue.book_states().values())
        session = collected.venue.sessions["market-data"]
        session._redial.backoff.floor, session._redial.backoff.cap = 0.0, 0.01
        gc.collect()
        before = resources()
        for number in range(1, 101):
            await inject(settings, "close-all", "binance-spot", code=1006)
            await until(lambda done=number: session.losses == done and session.is_open)
        await until(lambda: resources() == before)


@pytest.mark.usefixtures("impatient")
async def test_a_stream_that_is_acknowledged_but_silent_is_named_and_its_connection_renewed_once() -> None:
    async with exchange() as settings:
        await inject(settings, "silent", "binance-spot", sort="trade", seconds=60)
        with capture_logs() as logs:
            async with collecting("binance-spot", settings) as collected:
                await until(lambda: rotations(collected) == 1)
                await until(lambda: collected.venue.stale() == ["binance-spot trade BTC-USDT"])
                assert collected.venue.feed_states()["trade", "BTC-USDT"] is FeedState.SILENT
                assert collected.venue.feed_states()["orderbook", "BTC-USDT"] is FeedState.LIVE
                await asyncio.sleep(3 * LIMIT_SECONDS)
                assert rotations(collected) == 1, "what a new connection did not cure is not tried at once again"
        named = [log["feeds"] for log in logs if log["event"] == "feeds silent"]
        assert named == [["trade BTC-USDT (acknowledged but silent)"]]


@pytest.mark.usefixtures("impatient")
async def test_a_stream_that_went_quiet_is_named_until_it_lives_again() -> None:
    async with exchange(rate=100.0) as settings, collecting("binance-spot", settings) as collected:
        await until(lambda: collected.count("trade"))
        with capture_logs() as logs:
            await inject(settings, "silent", "binance-spot", sort="trade", seconds=4)
            await until(lambda: any(log["event"] == "feeds silent" for log in logs))
            assert collected.venue.stale() == ["binance-spot trade BTC-USDT"]
            await until(lambda: any(log["event"] == "feeds live again" for log in logs))
            await until(lambda: collected.venue.stale() == [])
        silent = next(log for log in logs if log["event"] == "feeds silent")
        assert silent["feeds"] == ["trade BTC-USDT (went quiet)"]


@pytest.mark.usefixtures("impatient")
async def test_a_connection_that_our_own_publisher_keeps_from_being_read_is_not_renewed() -> None:
    async with exchange(rate=100.0) as settings, collecting("binance-spot", settings) as collected:
        await until(lambda: collected.count("trade"))
        with capture_logs() as logs:
            collected.room_for_trades.clear()
            await until(lambda: any(log["event"] == "feeds silent" for log in logs))
            await asyncio.sleep(LOOK_SECONDS + LIMIT_SECONDS)
            collected.room_for_trades.set()
            await until(lambda: any(log["event"] == "feeds live again" for log in logs))
        silent = next(log for log in logs if log["event"] == "feeds silent")
        assert "trade BTC-USDT (no room in the publisher)" in silent["feeds"]
        assert [(s.attempts, s.losses) for s in collected.venue.sessions.values()] == [(1, 0)]


@pytest.mark.usefixtures("impatient")
async def test_a_book_that_waits_for_its_image_is_no_reason_to_renew_the_connection() -> None:
    async with exchange() as settings:
        await inject(settings, "slow-snapshot", "binance-spot", delay=5.0)
        books = settings.model_copy(update={"data_types": ("orderbook",)})
        async with collecting("binance-spot", books) as collected:
            await until(lambda: collected.venue.stale() == ["binance-spot orderbook BTC-USDT"])
            await asyncio.sleep(2 * LIMIT_SECONDS + LOOK_SECONDS)
            assert collected.venue.sessions["market-data"].attempts == 1


async def test_a_limit_told_with_http_200_makes_the_venue_rate_limited() -> None:
    async with exchange("okx-swap", rate=100.0) as settings, collecting("okx-swap", settings) as collected:
        await until(lambda: collected.count("trade"))
        await inject(settings, "limit-in-200", "okx-swap", seconds=60)
        await inject(settings, "lost-trades", "okx-swap", count=3)
        await until(lambda: collected.venue.state.condition(time.time_ns()) is Condition.LIMITED)
        cause = collected.venue.state.cause(time.time_ns())
        assert cause is not None
        assert "50011" in cause


async def test_refusals_are_logged_once_and_counted() -> None:
    async with exchange(rate=100.0) as settings, collecting("binance-spot", settings) as collected:
        await until(lambda: collected.count("trade"))
        with capture_logs() as logs:
            await inject(settings, "corrupted", "binance-spot", sort="trade", count=20)
            await until(lambda: collected.venue.counters.refused["frame_malformed"] >= 20)
        told = [log for log in logs if log["event"] == "refused" and log["reason"] == "frame_malformed"]
        assert [log["count"] for log in told] == [1]


@pytest.mark.parametrize("milliseconds", [1270, -1270])
async def test_the_clocks_difference_is_measured_and_breaks_nothing(milliseconds: int) -> None:
    async with exchange() as settings:
        await inject(settings, "clock-skew", "binance-spot", milliseconds=milliseconds, seconds=60)
        async with collecting("binance-spot", settings) as collected:
            await until(lambda: collected.count("trade") > 3 and collected.count("orderbook") > 3)
            assert collected.venue.skew_seconds == pytest.approx(-milliseconds / 1000, abs=0.3)
            assert collected.venue.stale() == []


async def test_nothing_is_asked_over_rest_for_a_delisted_symbol(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(venue_module, "REFRESH_SECONDS", 0.2)
    async with exchange("binance-usdm") as settings:
        polled = settings.model_copy(update={"data_types": ("open_interest",)})
        async with collecting("binance-usdm", polled) as collected:
            await until(lambda: collected.count("open_interest"))
            await inject(settings, "delisted", "binance-usdm", symbol="BTCUSDT")
            await until(lambda: FeedState.DELISTED in collected.venue.feed_states().values())
            collection = collected.venue.collection
            assert collection is not None
            (poll,) = BINANCE.adapter(list(collection.feed.book_states()), polled.data_types).polls()
            collected.records.clear()
            collection._ask(poll.request)
            await asyncio.sleep(0.5)
            assert collected.records == []


async def test_data_types_and_symbols_that_are_not_wanted_are_not_collected() -> None:
    async with exchanges(symbols=("BTCUSDT", "ETHUSDT")) as host:
        only = reached("binance-usdm", host, symbols=("ETH-USDT",), data_types=("trade", "funding_rate"))
        async with collecting("binance-usdm", only) as collected:
            await until(lambda: collected.count("trade") > 3 and collected.count("funding_rate") > 0)
            assert {r.instrument.symbol for r in collected.records} == {"ETH-USDT"}
            assert {r.data_type for r in collected.records} == {"trade", "funding_rate"}
            assert collected.venue.state.condition(time.time_ns()) is Condition.COLLECTING


async def test_the_depth_and_the_interval_of_published_books_are_settings() -> None:
    async with (
        exchange() as settings,
        collecting("binance-spot", settings, book_depth=3, book_interval_seconds=0.2) as collected,
    ):
        await until(lambda: collected.count("orderbook") > 5)
        books = [record.event for record in collected.records if record.data_type == "orderbook"]
        assert {(len(book.bids), len(book.asks)) for book in books} == {(3, 3)}
        received = [book.receive_ns for book in books]
        assert 0.1 < (received[-1] - received[1]) / 1e9 / (len(received) - 2) < 0.4
