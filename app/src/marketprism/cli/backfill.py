"""The command ``backfill``."""

import asyncio
import time
from dataclasses import dataclass
from typing import Annotated

import typer

from marketprism import settings as configuration
from marketprism.cli.moments import moment, utc
from marketprism.clickhouse_http import ClickHouseHttp
from marketprism.collector.past import Past, UnknownTimeError, past
from marketprism.collector.publisher import Publisher
from marketprism.contract.catalog import DATA_TYPES, STREAMS
from marketprism.contract.instruments import Instrument
from marketprism.contract.venues import VENUES
from marketprism.errors import ConfigurationError, MarketPrismError, UnavailableError
from marketprism.nats_login import NatsLogin
from marketprism.ops import streams
from marketprism.ops.delivery import settled
from marketprism.ops.holes import Hole
from marketprism.ops.trade_gaps import TradeGaps, Wish
from marketprism.pipeline.outputs import Record
from marketprism.pipeline.past import Piece, SeriesPiece, TradesPiece
from marketprism.settings import Settings
from marketprism.telemetry import logs

PAST_TYPES = ("trade", "funding_rate", "open_interest", "lsr_top_position", "lsr_all_account")
SETTLE_SECONDS = 60.0
"""Longest wait for storage; also, the last minute is left alone, as it may be on its way still."""
INCOMPLETE = 3
"""Exit code where a venue does not give it all: nothing here is broken."""
UNTOLD_DAYS = 2
"""Days in which rows are looked through for holes that the ledger does not know, such as those of a restart."""
_DAY_US = 86_400_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is to be filled: open holes, or a range.

    Attributes:
        venues: Names in the settings.
        symbols: Of each venue; empty for the configured ones.
        data_types: Of `PAST_TYPES`.
        ends: Two times (UTC microseconds) or, with `by_id`, the first and the last trade id; None for holes.
    """

    venues: tuple[str, ...]
    symbols: tuple[str, ...]
    data_types: tuple[str, ...]
    ends: tuple[int, int] | None
    by_id: bool


def backfill(
    venue: Annotated[str | None, typer.Option(help="One venue; without it all that are enabled.")] = None,
    symbol: Annotated[
        list[str] | None, typer.Option(help="Canonical symbol; repeatable. Default: as configured.")
    ] = None,
    data_type: Annotated[str | None, typer.Option("--type", help=f"One of {', '.join(PAST_TYPES)}.")] = None,
    from_: Annotated[str | None, typer.Option("--from", help="UTC time, duration before now, or trade id.")] = None,
    to: Annotated[str | None, typer.Option(help="Likewise; a time is not included, an id is.")] = None,
    gaps: Annotated[bool, typer.Option("--gaps", help="Fill the holes of trades that are open in the ledger.")] = False,
) -> None:
    """Fetch what is missing over REST and store it the usual way; exits 3 where a venue does not give it all."""
    settings = configuration.load()
    request = _request(settings, venue, tuple(symbol or ()), data_type, from_, to, gaps=gaps)
    logs.configure(settings.log_level)
    if not asyncio.run(_run(settings, request)):
        raise typer.Exit(INCOMPLETE)


def _request(
    settings: Settings,
    venue: str | None,
    symbols: tuple[str, ...],
    data_type: str | None,
    from_: str | None,
    to: str | None,
    *,
    gaps: bool,
) -> Request:
    if venue is not None and venue not in settings.venues:
        raise ConfigurationError(f"venue {venue!r} is unknown", remedy=f"known are {', '.join(settings.venues)}")
    if data_type is not None and data_type not in PAST_TYPES:
        raise ConfigurationError(f"there is no past of {data_type!r}", remedy=f"choose one of {', '.join(PAST_TYPES)}")
    if gaps == (from_ is not None and to is not None) or (from_ is None) != (to is None):
        raise ConfigurationError("a backfill needs --gaps or a range", remedy="give --gaps, or both --from and --to")
    if gaps and data_type not in {None, "trade"}:
        raise ConfigurationError(f"the ledger has no holes of {data_type}", remedy="give a range: --from and --to")
    enabled = tuple(name for name, each in settings.venues.items() if each.enabled)
    ends, by_id = (None, False) if from_ is None or to is None else _ends(from_, to, data_type, symbols)
    return Request(
        venues=enabled if venue is None else (venue,),
        symbols=symbols,
        data_types=("trade",) if gaps else PAST_TYPES if data_type is None else (data_type,),
        ends=ends,
        by_id=by_id,
    )


def _ends(from_: str, to: str, data_type: str | None, symbols: tuple[str, ...]) -> tuple[tuple[int, int], bool]:
    by_id = from_.isdecimal() and to.isdecimal()
    if by_id:
        if data_type != "trade" or len(symbols) != 1:
            remedy = "add --type trade and one --symbol, or give times"
            raise ConfigurationError("ids are those of one symbol's trades", remedy=remedy)
        ends = int(from_), int(to)
    else:
        now_us = time.time_ns() // 1000
        latest_us = now_us - int(SETTLE_SECONDS * 1_000_000)
        ends = moment("--from", from_, now_us), min(moment("--to", to, now_us), latest_us)
    if ends[0] > ends[1]:
        raise ConfigurationError(
            f"--from {from_} is after --to {to}", remedy="exchange them; the last minute is left out"
        )
    return ends, by_id


async def _run(settings: Settings, request: Request) -> bool:
    await _settled(settings)
    async with Publisher(login=NatsLogin.of(settings, "collector"), coalesce=False) as publisher:
        await publisher.wait_connected()
        work = _Backfill(settings, request, publisher)
        for name in request.venues:
            try:
                await work.venue(name)
            except UnavailableError as error:  # the other venues have a past of their own
                work.failed(name, error)
        await publisher.drain()
    await _settled(settings)
    if request.ends is None:
        typer.echo(f"looked at everything until {utc(work.until_us)}; the minute after it is the collector's")
    return work.complete


async def _settled(settings: Settings) -> None:
    async with streams.connect(settings) as jetstream:
        await settled(jetstream, STREAMS[DATA_TYPES["trade"].stream], SETTLE_SECONDS)


class _Backfill:
    """Fills what was asked for, venue by venue.

    Attributes:
        complete: Whether everything was there.
        until_us: Where what nobody has told yet is looked for ends.
    """

    def __init__(self, settings: Settings, request: Request, publisher: Publisher) -> None:
        self.complete = True
        self._settings = settings
        self._request = request
        self._publisher = publisher
        self._clickhouse = ClickHouseHttp(settings, "reader")
        self._now_ns = time.time_ns()
        self.until_us = self._now_ns // 1000 - int(SETTLE_SECONDS * 1_000_000)

    async def venue(self, name: str) -> None:
        """Fill what was asked for of one venue."""
        venue = self._settings.venues[name]
        symbols = self._request.symbols or venue.symbols
        async with past(name, venue, self._settings.collector, symbols, self._publish) as source:
            for instrument in source.instruments.values():
                for data_type in self._request.data_types:
                    if data_type == "trade":
                        await self._trades(source, instrument)
                    elif data_type in VENUES[name].data_types and self._request.ends is not None:
                        await self._series(source, data_type, instrument, *self._request.ends)

    def failed(self, what: str, error: MarketPrismError) -> None:
        """Say what could not be asked for."""
        typer.echo(f"{what}: {error}")
        self.complete = False

    async def _series(self, source: Past, data_type: str, instrument: Instrument, start_us: int, end_us: int) -> None:
        piece = SeriesPiece(source.venue, data_type, instrument, start_us, end_us)
        await self._fill(source, piece, f"{data_type} {instrument.symbol} {utc(start_us)} to {utc(end_us)}")

    async def _trades(self, source: Past, instrument: Instrument) -> None:
        try:
            wishes = await self._wishes(source, instrument)
        except UnknownTimeError as error:
            self.failed(f"{source.name} trade {instrument.symbol}", error)
            return
        for wish in wishes:
            if wish.gap is not None and not wish.is_told:
                await self._publish(Record("gap", instrument, wish.gap))
            runs = [(hole.after_id + 1, hole.before_id - 1) for hole in wish.holes]
            what = ", ".join(f"{first}-{last}" for first, last in runs[:3]) + (", …" if len(runs) > 3 else "")
            piece = TradesPiece(source.venue, instrument, runs, wish.gap)
            await self._fill(source, piece, f"trade {instrument.symbol} {what or 'nothing missing'}")

    async def _wishes(self, source: Past, instrument: Instrument) -> list[Wish]:
        known, ends = TradeGaps(self._clickhouse, self._settings.source, instrument), self._request.ends
        if ends is None:
            return known.of_ledger() + known.untold(self.until_us - UNTOLD_DAYS * _DAY_US, self.until_us, self._now_ns)
        if self._request.by_id:
            return known.of_range(Hole(ends[0] - 1, ends[1] + 1))
        first, after = [await source.locate(instrument, time_us) for time_us in ends]
        return known.of_range(Hole(first - 1, after))

    async def _fill(self, source: Past, piece: Piece, what: str) -> None:
        """Fill one piece and say what became of it."""
        published = await source.fill(piece)
        typer.echo(f"{source.name} {what}: {published} events" + (f"; {piece.problem}" if piece.problem else ""))
        self.complete &= not piece.problem

    async def _publish(self, record: Record) -> None:
        await self._publisher.publish(record.data_type, self._settings.source, record.instrument, record.event)
