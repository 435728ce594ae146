"""Every metric of the storage service."""

from collections.abc import Callable, Iterable, Mapping

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

OUTCOMES = ("stored", "duplicate")
PHASES = ("pull", "store", "acknowledge")
REASONS = ("undecodable", "unstorable", "refused")
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_EVENTS = (1, 10, 100, 1_000, 5_000, 10_000, 20_000, 50_000, 100_000, 500_000)


class StorageMetrics:
    """Metrics in a registry of their own; all labels are touched so that zero shows.

    Args:
        streams: Names of the streams that are read.
        data_types: Names of the data types that are stored.
    """

    def __init__(self, *, streams: Iterable[str], data_types: Iterable[str]) -> None:
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        name = "marketprism_storage"
        self.events = Counter(
            f"{name}_events",
            "Events that left the stream for a table, or were dropped because their identity was stored before.",
            ["data_type", "outcome"],
            registry=registry,
        )
        self.dead_letters = Counter(
            f"{name}_dead_letter_events",
            "Events that cannot be stored and were laid aside in the stream DEAD_LETTERS.",
            ["stream", "reason"],
            registry=registry,
        )
        self.messages = self._per_stream("messages", "Acknowledged messages.")
        self.redelivered = self._per_stream("redelivered_messages", "Messages that were delivered before.")
        self.purged = self._per_stream("purged_messages", "Acknowledged messages that gave way to new ones.")
        self.restored = self._per_stream("restored_rows", "Rows that a crash had taken and that were inserted again.")
        self.sessions = self._per_stream("sessions", "Readings of the consumer that began, one after each break.")
        self.phase_seconds = Histogram(
            f"{name}_phase_seconds", "Time of one batch in each phase.", ["stream", "phase"],
            buckets=_SECONDS, registry=registry,
        )  # fmt: skip
        self.batch_events = Histogram(
            f"{name}_batch_events", "Events of one batch.", ["stream"], buckets=_EVENTS, registry=registry
        )
        self.delay_seconds = Histogram(
            f"{name}_delay_seconds", "From the receipt of a batch's first event until it was stored.", ["stream"],
            buckets=_SECONDS, registry=registry,
        )  # fmt: skip
        self._touch(list(streams), list(data_types))

    def _per_stream(self, name: str, text: str) -> Counter:
        return Counter(f"marketprism_storage_{name}", text, ["stream"], registry=self.registry)

    def _touch(self, streams: list[str], data_types: list[str]) -> None:
        for data_type in data_types:
            for outcome in OUTCOMES:
                self.events.labels(data_type, outcome)
        for stream in streams:
            for metric in (self.messages, self.redelivered, self.purged, self.restored, self.sessions):
                metric.labels(stream)
            for histogram in (self.batch_events, self.delay_seconds):
                histogram.labels(stream)
            for reason in REASONS:
                self.dead_letters.labels(stream, reason)
            for phase in PHASES:
                self.phase_seconds.labels(stream, phase)

    def stored(self, data_type: str) -> float:
        """Return the events of a type that were stored since the start."""
        for metric in self.events.labels(data_type, "stored").collect():
            for sample in metric.samples:
                if sample.name.endswith("_total"):
                    return sample.value
        return 0.0


GaugeValues = Mapping[str, tuple[str, str, Mapping[str, float]]]


class Gauges(Collector):
    """Values that are read when they are asked for.

    Args:
        read: Returns, by metric name without prefix, the help text, the label's name and the values by label.
    """

    def __init__(self, read: Callable[[], GaugeValues]) -> None:
        self._read = read

    def collect(self) -> Iterable[Metric]:
        """Return the current values."""
        for name, (text, label, values) in self._read().items():
            family = GaugeMetricFamily(f"marketprism_storage_{name}", text, labels=[label])
            for key, value in values.items():
                family.add_metric([key], value)
            yield family
