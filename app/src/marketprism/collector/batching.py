"""Events to batches: up to `contract.wire.MAX_EVENTS` of one subject, or what came within a few milliseconds."""

from dataclasses import dataclass, field

from marketprism.contract.events import Event
from marketprism.contract.instruments import Instrument, Source
from marketprism.contract.wire import MAX_EVENTS

MAX_AGE_SECONDS = 0.010
"""Longest time that an event waits for others of its subject."""


@dataclass(slots=True)
class Batch:
    """Events that will travel in one message.

    Attributes:
        opened: When the first event came; the caller's clock, in seconds.
    """

    data_type: str
    source: Source
    instrument: Instrument
    opened: float
    events: list[Event] = field(default_factory=list)


class Batcher:
    """Collects events until a batch is full or old enough. Keeps the order of each subject.

    Args:
        max_events: Events in one batch, at most.
        max_age: Seconds after which a batch is due.
    """

    def __init__(self, *, max_events: int = MAX_EVENTS, max_age: float = MAX_AGE_SECONDS) -> None:
        self._max_events = max_events
        self._max_age = max_age
        self._open: dict[tuple[str, Source, Instrument], Batch] = {}  # the oldest comes first
        self.events = 0

    @property
    def next_due(self) -> float | None:
        """When the oldest batch is due; None when there is none."""
        for batch in self._open.values():
            return batch.opened + self._max_age
        return None

    def add(self, data_type: str, source: Source, instrument: Instrument, event: Event, now: float) -> Batch | None:
        """Take one event; return its batch when that is full now."""
        key = (data_type, source, instrument)
        batch = self._open.get(key)
        if batch is None:
            batch = self._open[key] = Batch(data_type, source, instrument, now)
        batch.events.append(event)
        self.events += 1
        return self._close(key) if len(batch.events) >= self._max_events else None

    def due(self, now: float) -> list[Batch]:
        """Return the batches that are old enough, the oldest first."""
        ripe = [key for key, batch in self._open.items() if batch.opened + self._max_age <= now]
        return [self._close(key) for key in ripe]

    def flush(self) -> list[Batch]:
        """Return all batches, the oldest first."""
        return [self._close(key) for key in list(self._open)]

    def _close(self, key: tuple[str, Source, Instrument]) -> Batch:
        batch = self._open.pop(key)
        self.events -= len(batch.events)
        return batch
