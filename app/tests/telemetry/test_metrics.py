import re

from prometheus_client import CollectorRegistry

from marketprism.telemetry.metrics import CollectorMetrics, CollectorSample, SpoolSample, StreamSample, VenueSample

SAMPLE = CollectorSample(
    venues=[
        VenueSample(
            name="binance-spot", frames=9, events={"trade": 7}, refused={"trade_number": 1}, gaps={"trade": 2},
            resyncs=3, checks={"equal": 5, "different": 0}, crossed=0, books={"BTC-USDT": "live", "ETH-USDT": "live"},
            ages={("trade", "BTC-USDT"): 1.5}, stale=0, connections={"public": (True, 4, 3)},
            rest_outcomes={"ok": 6}, rest_weight=250, blocked=False,
        )
    ],
    streams=[
        StreamSample(
            name="MARKET_DATA", received=13, published=6, coalesced=1, refused=1, spooled=3, in_flight=2, recovered=4,
            resent_messages=3, duplicate_messages=1, window_messages=2, window_bytes=900, blocked=True,
        )
    ],
    spool=SpoolSample(bytes=700, limit_bytes=1000, cut_bytes=5, blocked=True),
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
