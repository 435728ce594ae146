import time

import msgspec
from prometheus_client import CollectorRegistry, generate_latest

from marketprism.collector.allowance import Allowance
from marketprism.collector.lane import Limits
from marketprism.collector.publisher import Publisher
from marketprism.collector.report import Reporter
from marketprism.collector.venue import VenueCollector
from marketprism.contract.instruments import Source
from marketprism.nats_login import NatsLogin
from marketprism.nkey import NKey
from marketprism.pipeline.outputs import Record
from marketprism.settings import CollectorSettings, VenueSettings
from marketprism.telemetry.metrics import CollectorMetrics
from marketprism.telemetry.watchdog import Watchdog
from marketprism.venues.protocol import ListingState
from tests.collector.events import instrument, trade


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Scene:
    """A reporter over a venue and a publisher that do not run."""

    def __init__(self) -> None:
        settings = VenueSettings(
            ws_url="ws://127.0.0.1:1",
            rest_url="http://127.0.0.1:1",
            symbols=("BTC-USDT",),
            data_types=("trade", "orderbook"),
        )
        self.clock = Clock()
        self.watchdog = Watchdog(clock=self.clock)
        self.publisher = Publisher(login=NatsLogin("nats://127.0.0.1:1", "collector", NKey.generate()), limits=Limits())
        self.publisher._connection.cause = None
        allowance = Allowance(10)
        self.venue = VenueCollector(
            "binance-spot", settings, collector=CollectorSettings(), allowance=allowance, sink=self._nowhere
        )
        self.venue.state.started()
        self.reporter = Reporter([self.venue], self.publisher, self.watchdog, allowance.places, self.clock)
        self.reporter.ready = True

    async def _nowhere(self, _record: Record) -> None: ...

    def problems(self) -> object:
        report = self.reporter.report()
        assert report.healthy is (report.details["problems"] == [])
        return report.details["problems"]

    def age(self, data_type: str, seconds: float) -> None:
        key = (data_type, "BTC-USDT")
        self.venue._liveness.seen(key, "market-data", time.monotonic() - seconds)


async def test_a_fresh_collector_is_healthy() -> None:
    assert Scene().problems() == []


async def test_every_kind_of_problem_is_named_and_none_of_the_outside_ones_ends_the_life() -> None:
    scene = Scene()
    scene.age("trade", 60)
    scene.publisher._connection.cause = "NATS at nats://127.0.0.1:1 is away"
    scene.publisher._spool.unreadable.append("a cannot be read")
    scene.venue.state.blocked("rest", "HTTP 451 restricted")
    assert scene.problems() == [
        "stale: binance-spot trade BTC-USDT",
        "publisher: NATS at nats://127.0.0.1:1 is away",
        "publisher: a cannot be read",
        "binance-spot blocked: HTTP 451 restricted",
    ]
    assert scene.reporter.report().live
    assert scene.reporter.report().ready


async def test_a_stuck_loop_ends_the_life() -> None:
    scene = Scene()
    scene.watchdog.loop("binance-spot")
    scene.clock.now = 31
    assert scene.problems() == ["stuck: binance-spot"]
    assert not scene.reporter.report().live


async def test_before_nats_the_collector_is_neither_ready_nor_healthy() -> None:
    scene = Scene()
    scene.reporter.ready = False
    report = scene.reporter.report()
    assert (report.live, report.ready, report.healthy) == (True, False, False)


async def test_the_status_line_has_rates_since_the_last_one() -> None:
    scene = Scene()
    for number in range(10):
        await scene.publisher.publish("trade", Source.LIVE, instrument(), trade(number))
    scene.clock.now = 2
    assert scene.reporter.status() == "1 venue, 0 books live, 5 events/s in, 0/s published, 10 in flight"
    scene.clock.now = 4
    assert scene.reporter.status() == "1 venue, 0 books live, 0 events/s in, 0/s published, 10 in flight"


async def test_events_on_disk_are_in_the_status_line_the_details_and_the_metrics() -> None:
    scene, registry = Scene(), CollectorRegistry()
    CollectorMetrics(registry, ["binance-spot"], scene.reporter.sample)
    queue = scene.publisher._spool.queue("MARKET_DATA")
    queue.written(queue.target(), 900, 7)
    assert ", 0 in flight, 7 spooled" in scene.reporter.status()
    details = scene.reporter.report().details["publisher"]
    assert isinstance(details, dict)
    assert details["spooled"] == 7
    assert details["spool"] == {"bytes": 900, "limit_bytes": 0, "cut_bytes": 0, "blocked": False}
    assert registry.get_sample_value("marketprism_publisher_spooled_events", {"stream": "MARKET_DATA"}) == 7
    assert registry.get_sample_value("marketprism_spool_bytes") == 900


async def test_a_warning_is_shown_and_harms_nothing() -> None:
    scene = Scene()
    scene.reporter.warnings.append("NATS syncs every 0.1 s")
    report = scene.reporter.report()
    assert report.healthy
    assert report.details["warnings"] == ["NATS syncs every 0.1 s"]


async def test_the_status_line_names_what_is_wrong() -> None:
    scene = Scene()
    scene.publisher._connection.cause = "NATS is away"
    scene.age("trade", 60)
    assert scene.reporter.status().endswith("; NATS is away; 1 feed stale: binance-spot trade BTC-USDT")
    scene.age("orderbook", 60)
    assert scene.reporter.status().endswith("; 2 feeds stale: binance-spot trade BTC-USDT, …")


async def test_the_status_line_names_the_state_of_a_venue_that_is_not_served() -> None:
    scene = Scene()
    scene.venue.state.limited(90, "HTTP 429", time.time_ns())
    assert "; binance-spot rate limited for 90 s more: HTTP 429" in scene.reporter.status()


async def test_the_details_name_each_feeds_state_and_the_venues() -> None:
    scene = Scene()
    scene.age("trade", 60)
    scene.age("orderbook", 1)
    scene.venue._liveness.listed({"BTC-USDT": ListingState.TRADING})
    venues = scene.reporter.report().details["venues"]
    assert isinstance(venues, dict)
    details = venues["binance-spot"]
    assert details["state"] == "collecting"
    assert details["cause"] is None
    assert details["feeds"] == {"trade": {"BTC-USDT": "silent"}, "orderbook": {"BTC-USDT": "live"}}
    assert details["clock_skew_seconds"] is None
    msgspec.json.encode(details)


async def test_every_series_exists_before_the_first_event() -> None:
    scene, registry = Scene(), CollectorRegistry()
    CollectorMetrics(registry, ["binance-spot"], scene.reporter.sample)
    text = generate_latest(registry).decode()
    for series in (
        'marketprism_events_total{data_type="trade",venue="binance-spot"} 0.0',
        'marketprism_gaps_total{data_type="orderbook",venue="binance-spot"} 0.0',
        'marketprism_rest_requests_total{outcome="limited",venue="binance-spot"} 0.0',
        'marketprism_venue_state{state="collecting",venue="binance-spot"} 1.0',
        'marketprism_feeds{state="waiting",venue="binance-spot"} 2.0',
        'marketprism_books{state="live",venue="binance-spot"} 0.0',
        'marketprism_publisher_published_events_total{stream="MARKET_DATA"} 0.0',
        'marketprism_exchange_latency_seconds_count{venue="binance-spot"} 0.0',
        "marketprism_nats_connected 0.0",
        "marketprism_publisher_ack_seconds_count 0.0",
    ):
        assert series in text


async def test_metrics_follow_the_counters() -> None:
    scene, registry = Scene(), CollectorRegistry()
    CollectorMetrics(registry, ["binance-spot"], scene.reporter.sample)
    await scene.publisher.publish("trade", Source.LIVE, instrument(), trade(1))
    scene.age("trade", 60)
    value = registry.get_sample_value
    assert value("marketprism_publisher_received_events_total", {"stream": "MARKET_DATA"}) == 1
    assert value("marketprism_publisher_in_flight_events", {"stream": "MARKET_DATA"}) == 1
    assert value("marketprism_feeds", {"venue": "binance-spot", "state": "silent"}) == 1
    age = value("marketprism_feed_age_seconds", {"venue": "binance-spot", "data_type": "trade", "symbol": "BTC-USDT"})
    assert age is not None
    assert 60 <= age < 70
