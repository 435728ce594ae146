"""The past of simulated venues, asked for as the venue allows."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from marketprism.collector.past import Past, UnknownTimeError, past
from marketprism.contract.events import Trade
from marketprism.errors import ConfigurationError, UnavailableError
from marketprism.pipeline.outputs import Record
from marketprism.pipeline.past import SeriesPiece, TradesPiece
from marketprism.settings import CollectorSettings
from tests.collector.simulated import exchange, inject


@asynccontextmanager
async def opened(venue: str, published: list[Record], *symbols: str) -> AsyncIterator[tuple[Past, object]]:
    async def publish(record: Record) -> None:
        published.append(record)

    async with exchange(venue, symbols=("BTCUSDT",), rate=100.0) as settings:
        await asyncio.sleep(0.6)  # the market trades
        async with past(venue, settings, CollectorSettings(), symbols or settings.symbols, publish) as source:
            yield source, settings


@pytest.mark.parametrize("venue", ["binance-spot", "binance-usdm"])
async def test_a_time_becomes_an_id_and_the_trades_from_it_on_are_fetched(venue: str) -> None:
    published: list[Record] = []
    async with opened(venue, published) as (source, _):
        instrument = source.instruments["BTC-USDT"]
        start_us = time.time_ns() // 1000 - 500_000
        first = await source.locate(instrument, start_us)
        assert await source.fill(TradesPiece(source.venue, instrument, [(first - 3, first + 4)])) == 8
    trades = [record.event for record in published if isinstance(record.event, Trade)]
    assert [trade.trade_id for trade in trades] == list(range(first - 3, first + 5))
    assert [trade.timestamp_us >= start_us for trade in trades] == [False] * 3 + [True] * 5


async def test_a_time_without_a_trade_is_told() -> None:
    async with opened("binance-spot", []) as (source, _):
        with pytest.raises(UnknownTimeError, match=r"does not tell the trade of .*: the venue has no trade there"):
            await source.locate(source.instruments["BTC-USDT"], time.time_ns() // 1000 + 60_000_000)


@pytest.mark.parametrize(("venue", "bars"), [("binance-usdm", 600), ("okx-swap", 600)])
async def test_a_series_longer_than_one_answer_is_fetched_whole(venue: str, bars: int) -> None:
    published: list[Record] = []
    end_us = (time.time_ns() // 1000) // 300_000_000 * 300_000_000 - 3_600_000_000
    async with opened(venue, published) as (source, _):
        instrument = source.instruments["BTC-USDT"]
        start_us = end_us - bars * 300_000_000
        await source.fill(SeriesPiece(source.venue, "lsr_top_position", instrument, start_us, end_us))
    assert [record.event.timestamp_us for record in published] == list(range(start_us, end_us, 300_000_000))


async def test_a_symbol_that_is_not_listed_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="binance-spot does not list 'XYZ-USDT'"):
        async with opened("binance-spot", [], "XYZ-USDT"):
            pass


async def test_a_block_ends_everything_at_once() -> None:
    async with opened("binance-spot", []) as (source, settings):
        await inject(settings, "geo-blocked", "binance-spot", seconds=60)
        with pytest.raises(UnavailableError, match="HTTP 451"):
            await source.fill(TradesPiece(source.venue, source.instruments["BTC-USDT"], [(1, 2)]))


async def test_what_the_venue_refuses_becomes_the_pieces_problem() -> None:
    """Ratios older than a month are answered 400; the next piece is asked for all the same."""
    async with opened("binance-usdm", []) as (source, _):
        piece = SeriesPiece(source.venue, "lsr_top_position", source.instruments["BTC-USDT"], 1_000_000, 2_000_000)
        assert await source.fill(piece) == 0
        assert piece.problem.startswith("history_refused: -1130")
