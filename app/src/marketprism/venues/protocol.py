"""What a venue adapter takes and gives. Adapters do no I/O: frames and the time of receipt in, facts and wishes out."""

from dataclasses import dataclass
from typing import Protocol

from marketprism.contract.books import BookDelta, BookImage, BookTop
from marketprism.contract.events import Trade
from marketprism.contract.instruments import Instrument


@dataclass(frozen=True, slots=True)
class Connection:
    """One WebSocket that the venue needs.

    Attributes:
        name: Short and stable, for logs and metrics: ``public``.
        path: Appended to the venue's WebSocket base address.
        book_symbols: Symbols whose books lose their synchronisation when this connection breaks.
    """

    name: str
    path: str
    book_symbols: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TradeSeen:
    """A trade of one instrument."""

    instrument: Instrument
    trade: Trade


@dataclass(frozen=True, slots=True)
class Refusal:
    """A frame, or a part of one, that cannot be used; counted, never guessed.

    Attributes:
        reason: From a small closed set, fit for a metric's label: ``trade_malformed``.
        detail: For the log.
    """

    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the venue says about the connection: an acknowledgement, an error, a coming shutdown."""

    kind: str
    detail: str


VenueEvent = TradeSeen | BookDelta | BookTop | Refusal | Notice


@dataclass(frozen=True, slots=True)
class SnapshotRequest:
    """A REST request for the whole book of one instrument.

    Attributes:
        path: Appended to the venue's REST base address.
        weight: What it costs of `Venue.weight_per_minute`.
    """

    instrument: Instrument
    path: str
    weight: int


class Venue(Protocol):
    """One market of one exchange."""

    weight_per_minute: int

    def connections(self) -> list[Connection]:
        """Return the WebSockets to hold open."""

    def instruments(self) -> dict[str, Instrument]:
        """Return the subscribed instruments by the exchange's own name."""

    def feed(self, frame: bytes, receive_ns: int) -> list[VenueEvent]:
        """Understand one frame; never raises for what a peer sent."""

    def snapshot_request(self, instrument: Instrument) -> SnapshotRequest:
        """Return the request for a book."""

    def read_snapshot(self, instrument: Instrument, body: bytes) -> BookImage | Refusal:
        """Understand the answer to `snapshot_request`."""
