"""The collector's metrics: names, units, labels. Values are read where they are counted, when somebody asks.

Labels come from closed sets and every series exists from the start, so that a rate is never computed from nothing.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Histogram, ProcessCollector
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

ACK_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
LATENCY_BUCKETS = (-1.0, -0.1, 0.0, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Receipt minus the exchange's event time; below zero our clock is behind the exchange's."""
BOOK_STATES = ("buffering", "bridging", "live")
FEED_STATES = ("waiting", "live", "silent", "paused", "delisted")
VENUE_STATES = ("starting", "collecting", "limited", "blocked")


@dataclass(frozen=True, slots=True)
class ConnectionSample:
    """One WebSocket. The counts are attempts to open it, unwanted ends, and replacements before the end."""

    is_open: bool
    attempts: int
    losses: int
    rotations: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueSample:
    """One venue's values. Mappings by data type, reason, connection, outcome and so on, as their names say.

    Attributes:
        state: One of `VENUE_STATES`.
        ages: Seconds since the newest event by data type and symbol.
        feeds: One of `FEED_STATES` likewise.
        rest_weight: Request weight used in this minute.
        checks: Book checks by result: equal, different.
        clock_skew_seconds: Our clock minus the exchange's; None while that is not known.
    """

    name: str
    state: str
    frames: int
    events: Mapping[str, int]
    refused: Mapping[str, int]
    gaps: Mapping[str, int]
    healed: Mapping[str, int]
    resyncs: int
    refreshes: int
    uncertain: int
    checks: Mapping[str, int]
    crossed: int
    books: Mapping[str, str]
    ages: Mapping[tuple[str, str], float]
    feeds: Mapping[tuple[str, str], str]
    connections: Mapping[str, ConnectionSample]
    rest_outcomes: Mapping[str, int]
    rest_weight: int
    clock_skew_seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamSample:
    """One stream's way through the publisher. Events, except where the name says otherwise."""

    name: str
    received: int
    published: int
    coalesced: int
    refused: int
    spooled: int
    in_flight: int
    recovered: int
    resent_messages: int
    duplicate_messages: int
    window_messages: int
    window_bytes: int
    blocked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SpoolSample:
    """The disk spool.

    Attributes:
        cut_bytes: Bytes that were no sound records any more.
        blocked: It takes nothing: full, or the disk fails.
    """

    bytes: int
    limit_bytes: int
    cut_bytes: int
    blocked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectorSample:
    """Everything at one moment.

    Attributes:
        sockets: Open WebSockets.
        connections_limit: What those and running REST requests may be together.
    """

    venues: Iterable[VenueSample]
    streams: Iterable[StreamSample]
    spool: SpoolSample
    sockets: int
    connections_limit: int
    nats_connected: bool


class CollectorMetrics(Collector):
    """All metrics of the collector.

    Args:
        registry: Where they appear.
        venues: Names of the venues that are collected.
        sample: Reads the values.
    """

    def __init__(
        self, registry: CollectorRegistry, venues: Iterable[str], sample: Callable[[], CollectorSample]
    ) -> None:
        self._sample = sample
        self.ack_seconds = Histogram(
            "marketprism_publisher_ack_seconds",
            "From handing a message to NATS to its acknowledgement.",
            buckets=ACK_BUCKETS,
            registry=registry,
        )
        latency = Histogram(
            "marketprism_exchange_latency_seconds",
            "Receipt of a trade minus the exchange's time of sending; both clocks' errors are in it.",
            ["venue"],
            buckets=LATENCY_BUCKETS,
            registry=registry,
        )
        self.latency = {venue: latency.labels(venue) for venue in venues}
        ProcessCollector(registry=registry)
        registry.register(self)

    def collect(self) -> Iterator[Metric]:
        """Render the values of this moment."""
        sample = self._sample()
        yield _gauge("nats_connected", "1 while there is a connection to NATS.", [], [([], sample.nats_connected)])
        yield _gauge("sockets_open", "WebSockets that hold a place.", [], [([], sample.sockets)])
        yield _gauge(
            "connections_limit",
            "WebSockets and REST requests at a time, at most.",
            [],
            [([], sample.connections_limit)],
        )
        yield from _venue_counters(list(sample.venues))
        yield from _connections(list(sample.venues))
        yield from _venue_gauges(list(sample.venues))
        yield from _streams(list(sample.streams))
        yield from _spool(sample.spool)


_Rows = Iterable[tuple[list[str], float]]
_Column = tuple[str, Callable[[StreamSample], float]]


def _counter(name: str, text: str, labels: list[str], rows: _Rows) -> Metric:
    family = CounterMetricFamily(f"marketprism_{name}", text, labels=labels)
    for values, value in rows:
        family.add_metric(values, value)
    return family


def _gauge(name: str, text: str, labels: list[str], rows: _Rows) -> Metric:
    family = GaugeMetricFamily(f"marketprism_{name}", text, labels=labels)
    for values, value in rows:
        family.add_metric(values, float(value))
    return family


def _by(venues: list[VenueSample], read: Callable[[VenueSample], Mapping[str, int]]) -> _Rows:
    return [([venue.name, key], value) for venue in venues for key, value in read(venue).items()]


def _venue_counters(venues: list[VenueSample]) -> Iterator[Metric]:
    yield _counter("frames", "WebSocket frames received.", ["venue"], [([v.name], v.frames) for v in venues])
    yield _counter("events", "Events made from frames.", ["venue", "data_type"], _by(venues, lambda v: v.events))
    yield _counter(
        "refused", "Frames and events that cannot be used.", ["venue", "reason"], _by(venues, lambda v: v.refused)
    )
    yield _counter("gaps", "Holes in a sequence.", ["venue", "data_type"], _by(venues, lambda v: v.gaps))
    yield _counter("gaps_healed", "Holes that were filled.", ["venue", "data_type"], _by(venues, lambda v: v.healed))
    yield _counter(
        "book_resyncs", "Books that asked for a snapshot.", ["venue"], [([v.name], v.resyncs) for v in venues]
    )
    yield _counter(
        "book_refreshes",
        "Whole books asked for beside a live one, as it had moved.",
        ["venue"],
        [([v.name], v.refreshes) for v in venues],
    )
    yield _counter(
        "book_snapshots_uncertain",
        "Snapshots that reach beyond what the exchange has told of the book.",
        ["venue"],
        [([v.name], v.uncertain) for v in venues],
    )
    yield _counter(
        "book_checks",
        "Books compared with the exchange's best prices at the same update id.",
        ["venue", "result"],
        _by(venues, lambda v: v.checks),
    )
    yield _counter(
        "book_crossed", "Updates after which a book was crossed.", ["venue"], [([v.name], v.crossed) for v in venues]
    )
    yield _counter(
        "rest_requests", "REST requests by outcome.", ["venue", "outcome"], _by(venues, lambda v: v.rest_outcomes)
    )


def _connections(venues: list[VenueSample]) -> Iterator[Metric]:
    labels = ["venue", "connection"]
    columns: dict[str, tuple[str, Callable[[ConnectionSample], int]]] = {
        "attempts": ("Attempts to open a WebSocket.", lambda c: c.attempts),
        "losses": ("WebSockets that ended before another one had taken their place.", lambda c: c.losses),
        "rotations": ("WebSockets that were replaced before they ended.", lambda c: c.rotations),
    }
    rows = [([venue.name, name], each) for venue in venues for name, each in venue.connections.items()]
    yield _gauge("connection_open", "1 while a WebSocket is open.", labels, [(names, c.is_open) for names, c in rows])
    for column, (text, read) in columns.items():
        yield _counter(f"connection_{column}", text, labels, [(names, read(each)) for names, each in rows])


def _venue_gauges(venues: list[VenueSample]) -> Iterator[Metric]:
    yield _gauge(
        "feed_age_seconds",
        "Time since the newest event of a feed.",
        ["venue", "data_type", "symbol"],
        [([v.name, *key], age) for v in venues for key, age in v.ages.items()],
    )
    yield _gauge(
        "feed_state",
        "State of a feed: 0 waiting, 1 live, 2 silent, 3 paused, 4 delisted.",
        ["venue", "data_type", "symbol"],
        [([v.name, *key], FEED_STATES.index(state)) for v in venues for key, state in v.feeds.items()],
    )
    yield _gauge(
        "feeds",
        "Feeds by state; silent ones are older than the contract allows.",
        ["venue", "state"],
        _by(venues, lambda v: {state: list(v.feeds.values()).count(state) for state in FEED_STATES}),
    )
    yield _gauge(
        "venue_state",
        "1 for the state that a venue is in.",
        ["venue", "state"],
        _by(venues, lambda v: {state: state == v.state for state in VENUE_STATES}),
    )
    yield _gauge(
        "clock_skew_seconds",
        "Our clock minus the exchange's, the shortest way included.",
        ["venue"],
        [([v.name], v.clock_skew_seconds) for v in venues if v.clock_skew_seconds is not None],
    )
    yield _gauge(
        "books",
        "Order books by state.",
        ["venue", "state"],
        _by(venues, lambda v: {state: list(v.books.values()).count(state) for state in BOOK_STATES}),
    )
    yield _gauge(
        "rest_weight_used",
        "Request weight used in this minute.",
        ["venue"],
        [([v.name], v.rest_weight) for v in venues],
    )


def _streams(streams: list[StreamSample]) -> Iterator[Metric]:
    labels = ["stream"]
    counters: dict[str, _Column] = {
        "received_events": ("Events handed to the publisher.", lambda s: s.received),
        "published_events": ("Events acknowledged by JetStream.", lambda s: s.published),
        "coalesced_events": ("Events replaced by a newer one before they were sent.", lambda s: s.coalesced),
        "refused_events": ("Events that the server can never take.", lambda s: s.refused),
        "recovered_events": ("Events that an earlier run left, acknowledged by JetStream.", lambda s: s.recovered),
        "resent_messages": ("Messages sent once more.", lambda s: s.resent_messages),
        "duplicate_messages": ("Messages that the stream already held.", lambda s: s.duplicate_messages),
    }
    gauges: dict[str, _Column] = {
        "spooled_events": ("Events taken that are on disk alone.", lambda s: s.spooled),
        "in_flight_events": ("Events taken that are in memory and not yet acknowledged.", lambda s: s.in_flight),
        "window_messages": ("Messages not yet acknowledged.", lambda s: s.window_messages),
        "window_bytes": ("Bytes of messages not yet acknowledged.", lambda s: s.window_bytes),
        "blocked": ("1 while the stream takes no messages.", lambda s: s.blocked),
    }
    for name, (text, read) in counters.items():
        yield _counter(f"publisher_{name}", text, labels, [([s.name], read(s)) for s in streams])
    for name, (text, read) in gauges.items():
        yield _gauge(f"publisher_{name}", text, labels, [([s.name], read(s)) for s in streams])


def _spool(spool: SpoolSample) -> Iterator[Metric]:
    yield _gauge("spool_bytes", "Bytes on disk of messages that wait for NATS.", [], [([], spool.bytes)])
    yield _gauge("spool_limit_bytes", "Bytes that they may take.", [], [([], spool.limit_bytes)])
    yield _gauge(
        "spool_blocked", "1 while the spool takes nothing: full, or the disk fails.", [], [([], spool.blocked)]
    )
    yield _counter("spool_cut_bytes", "Bytes that were no sound records any more.", [], [([], spool.cut_bytes)])
