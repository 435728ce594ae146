"""Zero is visible before anything happened."""

from prometheus_client import generate_latest

from marketprism.storage.metrics import Gauges, StorageMetrics


def test_every_label_shows_at_once():
    metrics = StorageMetrics(streams=["MARKET_DATA"], data_types=["trade"])
    metrics.registry.register(Gauges(lambda: {"pending_messages": ("Lag.", "stream", {"MARKET_DATA": 3.0})}))
    text = generate_latest(metrics.registry).decode()
    assert 'marketprism_storage_events_total{data_type="trade",outcome="duplicate"} 0.0' in text
    assert 'marketprism_storage_dead_letter_events_total{reason="refused",stream="MARKET_DATA"} 0.0' in text
    assert 'marketprism_storage_pending_messages{stream="MARKET_DATA"} 3.0' in text


def test_stored_events_can_be_read_back():
    metrics = StorageMetrics(streams=[], data_types=["trade"])
    metrics.events.labels("trade", "stored").inc(5)
    assert metrics.stored("trade") == 5
