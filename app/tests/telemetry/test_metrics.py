import re

from prometheus_client import CollectorRegistry

from marketprism.collector.liveness import FeedState
from marketprism.collector.state import Condition
from marketprism.telemetry.metrics import (
    FEED_STATES,
    VENUE_STATES,
    CollectorMetrics,
    CollectorSample,
    ConnectionSample,
    SpoolSample,
    StreamSample,
    VenueSample,
)

SAMPLE = CollectorSample(
    venues=[
        VenueSample(
            name="binance-spot", state="limited", frames=9, events={"trade": 7}, refused={"trade_number": 1},
            gaps={"trade": 2}, healed={"trade": 1}, resyncs=3, refreshes=2, uncertain=1,
            checks={"equal": 5, "different": 0}, crossed=0,
            books={"BTC-USDT": "live", "ETH-USDT": "live"}, ages={("trade", "BTC-USDT"): 1.5},
            feeds={("trade", "BTC-USDT"): "silent", ("orderbook", "BTC-USDT"): "live"},
            connections={"public": ConnectionSample(True, 4, 3, 2)}, rest_outcomes={"ok": 6}, rest_weight=250,
            clock_skew_seconds=-1.27,
        )
    ],
    streams=[
        StreamSample(
            name="MARKET_DATA", received=13, published=6, coalesced=1, refused=1, spooled=3, in_flight=2, recovered=4,
            resent_messages=3, duplicate_messages=1, window_messages=2, window_bytes=900, blocked=True,
        )
    ],
    spool=SpoolSample(bytes=700, limit_bytes=1000, cut_bytes=5, blocked=True),
    sockets=1,
    connections_limit=50,
    nats_connected=True,
)  # fmt: skip


def registry() -> CollectorRegistry:
    made = CollectorRegistry()
    CollectorMetrics(made, ["binance-spot"], lambda: SAMPLE)
    return made


def test_names_follow_the_convention_and_every_metric_is_explained() -> None:
    for metric in registry().collect():
        if metric.name.startswith("process_"):
            continue
        assert re.fullmatch(r"marketprism_[a-z_]+", metric.name), metric.name
        assert metric.documentation.endswith("."), metric.name
        assert not re.search(r"_(ms|us|ns|kb|mb|percent)$", metric.name), "base units"
        assert all(s.name.endswith(("_total", "_created")) for s in metric.samples if metric.type == "counter")


def test_values_carry_their_labels() -> None:
    value, made = registry().get_sample_value, {"venue": "binance-spot"}
    assert value("marketprism_frames_total", made) == 9
    assert value("marketprism_events_total", {**made, "data_type": "trade"}) == 7
    assert value("marketprism_books", {**made, "state": "live"}) == 2
    assert value("marketprism_books", {**made, "state": "buffering"}) == 0
    assert value("marketprism_connection_open", {**made, "connection": "public"}) == 1
    assert value("marketprism_connection_attempts_total", {**made, "connection": "public"}) == 4
    assert value("marketprism_connection_losses_total", {**made, "connection": "public"}) == 3
    assert value("marketprism_connection_rotations_total", {**made, "connection": "public"}) == 2
    assert value("marketprism_gaps_total", {**made, "data_type": "trade"}) == 2
    assert value("marketprism_gaps_healed_total", {**made, "data_type": "trade"}) == 1
    assert value("marketprism_book_resyncs_total", made) == 3
    assert value("marketprism_book_refreshes_total", made) == 2
    assert value("marketprism_book_snapshots_uncertain_total", made) == 1
    assert value("marketprism_clock_skew_seconds", made) == -1.27
    assert value("marketprism_sockets_open") == 1
    assert value("marketprism_connections_limit") == 50
    assert value("marketprism_feed_age_seconds", {**made, "data_type": "trade", "symbol": "BTC-USDT"}) == 1.5
    assert value("marketprism_nats_connected") == 1


def test_the_publishers_account_can_be_checked_from_its_metrics() -> None:
    made = registry()

    def stream(name: str) -> float:
        value = made.get_sample_value(f"marketprism_publisher_{name}", {"stream": "MARKET_DATA"})
        assert value is not None
        return value

    parts = (
        "published_events_total",
        "coalesced_events_total",
        "refused_events_total",
        "spooled_events",
        "in_flight_events",
    )
    assert stream("received_events_total") == sum(stream(part) for part in parts)
    assert stream("recovered_events_total") == 4
    assert stream("blocked") == 1


def test_the_spool_shows_how_full_it_is_and_what_was_damaged() -> None:
    value = registry().get_sample_value
    names = ("bytes", "limit_bytes", "cut_bytes_total", "blocked")
    assert [value(f"marketprism_spool_{name}") for name in names] == [700, 1000, 5, 1]


def test_a_venue_is_in_one_state_and_a_feeds_state_is_a_number() -> None:
    value, made = registry().get_sample_value, {"venue": "binance-spot"}
    states = {state: value("marketprism_venue_state", {**made, "state": state}) for state in VENUE_STATES}
    assert states == {"starting": 0, "collecting": 0, "limited": 1, "blocked": 0}
    counts = {state: value("marketprism_feeds", {**made, "state": state}) for state in FEED_STATES}
    assert counts == {"waiting": 0, "live": 1, "silent": 1, "paused": 0, "delisted": 0}
    assert value("marketprism_feed_state", {**made, "data_type": "trade", "symbol": "BTC-USDT"}) == 2


def test_the_states_are_those_that_the_collector_knows() -> None:
    assert tuple(FeedState) == FEED_STATES
    assert tuple(Condition) == VENUE_STATES
