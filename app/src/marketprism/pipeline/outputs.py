"""What comes out of a feed, and what it counts."""

from collections import Counter
from dataclasses import dataclass, field

import msgspec

from marketprism.book.witness import BookChecks
from marketprism.contract.events import Event, Gap
from marketprism.contract.instruments import Instrument
from marketprism.venues.protocol import Notice, Refusal, RestRequest, Send


class Record(msgspec.Struct, frozen=True, gc=False):
    """One event to publish."""

    data_type: str
    instrument: Instrument
    event: Event


Output = Record | RestRequest | Send | Refusal | Notice


@dataclass(slots=True)
class FeedCounters:
    """What went through a feed. `frames` counts WebSocket frames, the rest events.

    Attributes:
        gaps: Holes found, by data type.
        healed: Holes filled, likewise.
        resyncs: Books that started over.
        refreshes: Whole books asked for beside a live one, as it had moved.
        uncertain: Snapshots that reach beyond what the exchange has told of the book.
    """

    frames: int = 0
    events: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    gaps: Counter[str] = field(default_factory=Counter)
    healed: Counter[str] = field(default_factory=Counter)
    resyncs: int = 0
    refreshes: int = 0
    uncertain: int = 0
    book_checks: BookChecks = field(default_factory=BookChecks)

    def record(self, data_type: str, instrument: Instrument, event: Event) -> Record:
        """Count an event on its way out."""
        self.events[data_type] += 1
        if isinstance(event, Gap):
            (self.healed if event.healed_by else self.gaps)[event.data_type] += 1
        return Record(data_type, instrument, event)

    def refuse(self, refusal: Refusal) -> Refusal:
        """Count a refusal on its way out."""
        self.refused[refusal.reason] += 1
        return refusal
