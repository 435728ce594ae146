"""The replayed exchange: recorded frames, byte for byte, at the recorded pace or any other.

A market's replay starts a moment after the first client has subscribed to one of its recorded streams, so that nothing
is played to an empty room. Slow clients hold it up for a while, unlike generated markets, since a replay may be asked
to be faster than any client. The recordings are the ground truth; there is no other log of it.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from time import monotonic

import msgspec

from marketprism.sim.binance import frames, recording
from marketprism.sim.binance.listings import listing
from marketprism.sim.binance.recording import DepthEvent, Record, Snapshot, Summary
from marketprism.sim.binance.rules import Route
from marketprism.sim.hub import Channel, Hub
from marketprism.sim.instruments import Listing, MarketKind, Step, pair
from marketprism.sim.settings import SimSettings
from marketprism.sim.venue import Frame
from marketprism.telemetry import logs

_LOG = logs.get("sim")
_BATCH = 200
_SETTLE_SECONDS = 1.0
_PATIENCE_SECONDS = 30.0
_LONGEST_PAUSE_SECONDS = 60.0
_NANOSECONDS = 1e9
_DEPTH_NAMES = ("depth", "depth@100ms", "depth@500ms")
"""Recorded depth is offered under all of these: old recordings used a period that is gone (``@depth@0ms``)."""


@dataclass(slots=True)
class _Book:
    """A recorded book at the current place of the replay, so that a snapshot can be had at any time."""

    listing: Listing
    first: Snapshot | None
    last_id: int | None = None
    bids: dict[str, str] = field(default_factory=dict)
    asks: dict[str, str] = field(default_factory=dict)
    pending: list[DepthEvent] = field(default_factory=list)

    def load(self, snapshot: Snapshot) -> None:
        self.last_id, self.bids, self.asks = snapshot.last_id, dict(snapshot.bids), dict(snapshot.asks)
        pending, self.pending = self.pending, []
        for event in pending:
            self.apply(event)

    def apply(self, event: DepthEvent) -> None:
        if self.last_id is None:
            if self.first:  # its line is still to come
                self.pending.append(event)
            return
        if event.last_id <= self.last_id:
            return
        for side, levels in ((self.bids, event.bids), (self.asks, event.asks)):
            for price, quantity in levels:
                if float(quantity):
                    side[price] = quantity
                else:
                    side.pop(price, None)
        self.last_id = event.last_id

    def snapshot(self) -> Snapshot | None:
        """Return the current book; before the recorded snapshot that one, which bridges to what comes just as well."""
        if self.last_id is None:
            return self.first
        bids = sorted(self.bids.items(), key=lambda level: -float(level[0]))
        asks = sorted(self.asks.items(), key=lambda level: float(level[0]))
        return Snapshot(self.last_id, bids, asks)


class ReplayedExchange:
    """Serves recordings; a `source.Source` and `books.Books`. Files of one market are played one after the other.

    Raises:
        ConfigurationError: A recording cannot be read.
    """

    def __init__(self, settings: SimSettings, hub: Hub) -> None:
        self._hub, self._speed, self._loop = hub, settings.speed, settings.loop
        self._files: dict[MarketKind, list[tuple[Path, Summary]]] = {}
        self._books: dict[tuple[MarketKind, str], _Book] = {}
        self._progress = monotonic()
        self._running = 0
        for path in settings.replay:
            summary = recording.summarize(path)
            self._files.setdefault(summary.market, []).append((path, summary))
            key = summary.market, summary.symbol
            if key not in self._books:
                self._books[key] = _Book(_listing(summary), summary.snapshot)

    def listings(self, market: MarketKind) -> list[Listing]:
        """Return the recorded symbols of one market."""
        return [book.listing for (each, _), book in self._books.items() if each is market]

    def delisted(self, market: MarketKind) -> set[str]:
        """Return nothing: a recording does not tell."""
        return set()

    def snapshot(self, market: MarketKind, symbol: str, limit: int, now_ms: int) -> bytes | None:
        """Return the recorded book as it is at this place of the replay."""
        book = self._books.get((market, symbol))
        found = book.snapshot() if book else None
        if found is None:
            return None
        head: Frame = {"lastUpdateId": found.last_id}
        if market is MarketKind.BINANCE_USDM:
            head |= {"E": now_ms, "T": now_ms}
        return frames.encode({**head, "bids": found.bids[:limit], "asks": found.asks[:limit]})

    async def start(self) -> None:
        """Nothing to prepare."""

    async def run(self) -> None:
        """Play every market's files; afterwards connections stay open and silent."""
        async with asyncio.TaskGroup() as tasks:
            for market, files in self._files.items():
                tasks.create_task(self._play_market(market, files), name=f"replay-{market}")

    async def stop(self) -> None:
        """Nothing is pending."""

    def idle_seconds(self) -> float:
        """Tell how long ago a frame was played; waiting for clients and having finished are progress."""
        return monotonic() - self._progress if self._running else 0.0

    async def _play_market(self, market: MarketKind, files: list[tuple[Path, Summary]]) -> None:
        targets = {target for path, summary in files for target in _names(market, summary.symbol)}
        while not any(self._hub.wanted(target) for target in targets):
            await self._hub.subscription()
        await asyncio.sleep(_SETTLE_SECONDS)
        self._running += 1
        played = 0
        while True:
            pace = _Pace(self._speed)
            for path, summary in files:
                _LOG.info("sim.replay_file_started", market=market.value, path=str(path), speed=self._speed)
                played += await self._play(path, summary, pace)
            _LOG.info("sim.replay_finished", market=market.value, frames=played, again=self._loop)
            if not self._loop:
                break
            for _, summary in files:
                book = self._books[market, summary.symbol]
                self._books[market, summary.symbol] = _Book(book.listing, book.first)
        self._running -= 1

    async def _play(self, path: Path, summary: Summary, pace: "_Pace") -> int:
        """Play one file and return how many lines it had."""
        book, records, played = self._books[summary.market, summary.symbol], recording.read(path), 0
        while batch := await asyncio.to_thread(_batch, records):
            await self._make_room()
            for record in batch:
                while (wait := pace.wait(record.received_ns)) > 0:
                    self._progress = monotonic()
                    await asyncio.sleep(min(wait, 1.0))
                self._publish(summary, book, record)
            self._progress = monotonic()
            played += len(batch)
            await asyncio.sleep(0)
        return played

    async def _make_room(self) -> None:
        """Wait for slow clients, but not for ever: one that is stuck is cut off when its queue overflows."""
        deadline = monotonic() + _PATIENCE_SECONDS
        while self._hub.crowded() and monotonic() < deadline:
            self._progress = monotonic()
            await asyncio.sleep(0.005)

    def _publish(self, summary: Summary, book: _Book, record: Record) -> None:
        if not record.stream:
            book.load(msgspec.json.decode(record.event, type=Snapshot))
            return
        symbol, _, kind = record.stream.partition("@")
        if kind.startswith("depth"):
            if symbol.upper() == summary.symbol:
                book.apply(msgspec.json.decode(record.event, type=DepthEvent))
            names = dict.fromkeys([record.stream, *(f"{symbol}@{name}" for name in _DEPTH_NAMES)])
        else:
            names = {record.stream: None}
        channels = [(route.value, name) for route in _routes(summary.market, kind) for name in names]
        for channel in [each for each in channels if self._hub.wanted(each)] or channels[:1]:
            self._hub.publish(channel, record.event)


class _Pace:
    """When each recorded line is due."""

    def __init__(self, speed: float) -> None:
        self._speed = speed
        self._start: float | None = None
        self._first_ns = self._last_ns = 0

    def wait(self, received_ns: int) -> float:
        """Return the seconds until a line is due; a pause of the recorder, as between two files, is not replayed."""
        if not self._speed:
            return 0.0
        now = monotonic()
        if self._start is None or received_ns - self._last_ns > _LONGEST_PAUSE_SECONDS * _NANOSECONDS:
            self._start, self._first_ns = now, received_ns
        self._last_ns = received_ns
        return self._start + (received_ns - self._first_ns) / _NANOSECONDS / self._speed - now


def _batch(records: Iterator[Record]) -> list[Record]:
    return list(islice(records, _BATCH))


def _routes(market: MarketKind, kind: str) -> tuple[Route, ...]:
    """Return the routes of a stream; the undocumented raw trades of futures are offered on both of theirs."""
    if market is MarketKind.BINANCE_SPOT:
        return (Route.SPOT,)
    if kind == "trade":
        return Route.USDM_PUBLIC, Route.USDM_MARKET
    return (Route.USDM_MARKET,) if kind == "aggTrade" else (Route.USDM_PUBLIC,)


def _names(market: MarketKind, symbol: str) -> set[Channel]:
    kinds = ("trade", "aggTrade", "bookTicker", "depth@0ms", *_DEPTH_NAMES)
    return {(route.value, f"{symbol.lower()}@{kind}") for kind in kinds for route in _routes(market, kind)}


def _listing(summary: Summary) -> Listing:
    """Describe a recorded symbol; its steps are the finest that the recorded snapshot shows."""
    found = listing(summary.market, pair(summary.symbol))
    if summary.snapshot is None:
        return found
    levels = summary.snapshot.bids + summary.snapshot.asks
    price = max(len(level[0].partition(".")[2].rstrip("0")) for level in levels)
    quantity = max(len(level[1].partition(".")[2].rstrip("0")) for level in levels)
    tick, lot = Step(price, max(price, found.tick.shown)), Step(quantity, max(quantity, found.lot.shown))
    return replace(found, tick=tick, lot=lot)
