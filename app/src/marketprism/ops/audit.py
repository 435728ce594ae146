"""Is everything there, and nothing twice: every hop compared with the next, and what venues count with what is stored.

The equations: ``received = published + coalesced + refused + spooled + in flight`` of the running collector;
``in the stream = stored + dead-lettered + stored before`` of every message that storage has acknowledged; and of each
instrument no id missing that the ledger does not explain, no row twice, and no event twice.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import aiohttp

from marketprism.clickhouse_http import ClickHouseHttp
from marketprism.contract.catalog import DATA_TYPES, STREAMS
from marketprism.contract.venues import VENUES, feeds
from marketprism.ops import streams
from marketprism.ops.delivery import Delivery, delivery
from marketprism.ops.holes import Hole, Place, Verdict, judge_changes, judge_trades
from marketprism.ops.sequences import Count, Sequences, Window
from marketprism.settings import Settings

SETTLE_SECONDS = 5.0
"""Wait before a difference is believed: what was on its way has arrived by then."""

Key = tuple[str, Place]

_HEALTH_SECONDS = 5.0
_DAY_US = 86_400_000_000
_HOPS = ("published", "coalesced", "refused", "spooled", "in_flight")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One data type of one instrument.

    Attributes:
        count: Of its rows.
        verdict: On the ids of its sequence; all zero where the venue's ids prove nothing.
    """

    data_type: str
    place: Place
    count: Count
    verdict: Verdict

    @property
    def differences(self) -> int:
        """Rows too many, and missing ids that the ledger does not explain."""
        return self.count.twice + self.count.repeated + self.verdict.unexplained + self.verdict.contradicted

    def __str__(self) -> str:
        return " ".join((self.data_type, *self.place))


@dataclass(slots=True)
class Audit:
    """The whole result.

    Attributes:
        window: Which events were looked at.
        collector: Events by hop since the collector started; None when it does not answer.
        deliveries: One per stream that storage reads.
        lines: One per data type and instrument.
        differences: One sentence each; empty when all is well.
    """

    window: Window
    collector: dict[str, int] | None
    deliveries: list[Delivery] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Return the result as plain values."""
        lines = [
            dict(zip(("exchange", "market", "symbol"), line.place, strict=True))
            | {"data_type": line.data_type, **asdict(line.count), **asdict(line.verdict)}
            | {"unexplained": line.verdict.unexplained, "differences": line.differences}
            for line in self.lines
        ]
        return {**asdict(self), "lines": lines}


def kept(window: Window, hot_days: int) -> Window:
    """Return the part of a window whose rows are still in the hot database; what came before it would look lost."""
    return replace(window, since_us=max(window.since_us, window.until_us - hot_days * _DAY_US))


async def audit(settings: Settings, window: Window, settle_seconds: float = SETTLE_SECONDS) -> Audit:
    """Compare everything; what differs is looked at again after a while.

    Args:
        settings: Name the servers.
        window: Events to look at, and messages that reached a stream since its begin; see `kept`.
        settle_seconds: That while.

    Raises:
        UnavailableError: NATS or ClickHouse does not answer.
        ConfigurationError: A credential cannot be read.
    """
    window = kept(window, settings.storage.hot_days)
    found = await _gather(settings, window)
    if found.differences:
        await asyncio.sleep(settle_seconds)
        found = await _gather(settings, window)
    return found


async def _gather(settings: Settings, window: Window) -> Audit:
    clickhouse = ClickHouseHttp(settings, "reader")
    found = Audit(window, await _collector(settings))
    async with streams.connect(settings) as jetstream:
        for stream in STREAMS.values():
            if stream.consumer is not None:
                found.deliveries.append(await delivery(jetstream, clickhouse, stream, window.since_us))
    found.lines = _lines(Sequences(clickhouse, window), _configured(settings))
    found.differences = differences(found)
    return found


def differences(found: Audit) -> list[str]:
    """Name what does not agree."""
    sentences = []
    hops = found.collector
    if hops is not None and hops["received"] != sum(hops[name] for name in _HOPS):
        sentences.append(f"collector: received {hops['received']} events, accounts for {sum(hops[n] for n in _HOPS)}")
    sentences += [f"{each.stream}: {each.lost} messages are nowhere" for each in found.deliveries if each.lost]
    sentences += [
        f"{each.stream}: {each.unknown} messages without rows were too many to look up, or NATS refuses them;"
        " audit a shorter time"
        for each in found.deliveries
        if each.unknown
    ]
    for line in found.lines:
        sentences += [
            f"{line}: {number} {what}"
            for number, what in (
                (line.count.twice, "rows are stored twice"),
                (line.count.repeated, "rows repeat an event"),
                (line.verdict.unexplained, "missing ids are in no ledger"),
                (line.verdict.contradicted, "missing ids are healed by the ledger"),
            )
            if number
        ]
    return sentences


def _lines(sequences: Sequences, configured: Iterable[Key]) -> list[Line]:
    counts = {(name, place): count for name in DATA_TYPES for place, count in sequences.counts(name).items()}
    holes, overlaps = sequences.trade_holes()
    for place, rows in overlaps.items():
        counted = counts["trade", place]
        counts["trade", place] = replace(counted, repeated=max(counted.repeated, rows))
    verdicts = _verdicts(sequences, holes)
    keys = sorted({*counts, *configured}, key=lambda key: (key[1], list(DATA_TYPES).index(key[0])))
    return [
        Line(data_type=key[0], place=key[1], count=counts.get(key, Count()), verdict=verdicts.get(key, Verdict()))
        for key in keys
    ]


def _verdicts(sequences: Sequences, trade_holes: Mapping[Place, list[Hole]]) -> dict[Key, Verdict]:
    trades, books, restarts = sequences.ledger("trade"), sequences.ledger("orderbook"), sequences.restarts()
    of_trades = {("trade", place): judge_trades(holes, trades.get(place, ())) for place, holes in trade_holes.items()}
    of_changes = {
        ("orderbook_delta", place): judge_changes(holes, books.get(place, ()), restarts.get(place, ()))
        for place, holes in sequences.change_holes().items()
    }
    return of_trades | of_changes


def _configured(settings: Settings) -> list[Key]:
    return [
        (data_type, (VENUES[name].exchange.value, market.value, symbol))
        for name, venue in settings.venues.items()
        if venue.enabled
        for data_type, market, symbol in feeds(name, venue.symbols, venue.data_types)
    ]


async def _collector(settings: Settings) -> dict[str, int] | None:
    """Return the collector's own count of events; None when it does not run."""
    url = f"http://{settings.collector.bind}:{settings.collector.health_port}/health"
    try:
        timeout = aiohttp.ClientTimeout(total=_HEALTH_SECONDS)
        async with aiohttp.ClientSession(timeout=timeout) as http, http.get(url) as answer:
            report: Mapping[str, Any] = await answer.json()
    except (TimeoutError, aiohttp.ClientError, ValueError):
        return None
    publisher = report["details"]["publisher"]
    return {name: int(publisher.get(name, 0)) for name in ("received", *_HOPS)}
