"""What a venue adapter takes and gives. Adapters do no I/O: frames and the time of receipt in, facts and wishes out."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import msgspec

from marketprism.contract.books import BookDelta, BookImage, BookTop
from marketprism.contract.events import Event, Trade
from marketprism.contract.instruments import Instrument

SECOND_NS = 1_000_000_000
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What a decoder raises on bytes that are not the message; the last on absurdly deep nesting."""


@dataclass(frozen=True, slots=True)
class Connection:
    """One WebSocket that the venue needs.

    Attributes:
        name: Short and stable, for logs and metrics: ``public``.
        path: Appended to the venue's WebSocket base address.
        subscribe: Messages to send once it is open, in order; empty where the path subscribes.
        books: Names of the instruments whose books lose their synchronisation when this connection breaks.
        ping: Text to send after `ping_seconds` without a frame, for venues that want more than WebSocket pings.
        max_messages_per_second: What the venue takes at most from us.
    """

    name: str
    path: str
    subscribe: tuple[bytes, ...] = ()
    books: tuple[str, ...] = ()
    ping: bytes | None = None
    ping_seconds: float = 20.0
    max_messages_per_second: float = 4.0


class Observed(msgspec.Struct, frozen=True, gc=False):
    """An event of one instrument, as it happened. Books come as `BookDelta` and `BookImage` instead."""

    data_type: str
    instrument: Instrument
    event: Event


@dataclass(frozen=True, slots=True)
class Refusal:
    """A frame, or a part of one, that cannot be used; counted, never guessed.

    Attributes:
        reason: From a small closed set, fit for a metric's label: ``trade_malformed``.
        detail: For the log.
    """

    reason: str
    detail: str


class NoticeKind(StrEnum):
    """What a venue can say about a connection."""

    ACKNOWLEDGED = "acknowledged"
    ERROR = "error"
    ENDING = "ending"  # the venue will close the connection soon: open another one first


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the venue says about the connection."""

    kind: NoticeKind
    detail: str


@dataclass(frozen=True, slots=True)
class Send:
    """A message to the venue.

    Attributes:
        connection: Name of the connection; empty for the one whose frame is being answered.
    """

    message: bytes
    connection: str = ""


EXPIRED = "trades_expired"
"""Reason of the `Refusal` of trades that the venue tells no more, as they are too old."""


class Purpose(StrEnum):
    """Why something is asked over REST, the most urgent first."""

    BOOK = "book"
    LISTING = "listing"
    POLL = "poll"
    HEAL = "heal"
    REFRESH = "refresh"
    HISTORY = "history"


@dataclass(frozen=True, slots=True)
class RestRequest:
    """One GET request.

    Attributes:
        data_type: What the answer holds; empty for a listing.
        instrument: Whose; None for a listing.
        path: Appended to the venue's REST base address.
        weight: What it costs of `Venue.weight_per_minute`.
        first_id: First trade id wanted, for `Purpose.HEAL`.
        last_id: Last one.
        end_us: The answer holds all before this time, for `Purpose.HISTORY`; UTC microseconds.
    """

    purpose: Purpose
    data_type: str
    instrument: Instrument | None
    path: str
    weight: int
    first_id: int = 0
    last_id: int = 0
    end_us: int = 0


@dataclass(frozen=True, slots=True)
class Poll:
    """A request to repeat for ever.

    Attributes:
        interval_ns: Time from one answer to the next request.
    """

    request: RestRequest
    interval_ns: int


VenueEvent = Observed | BookDelta | BookImage | BookTop | Refusal | Notice | Send


class Venue(Protocol):
    """One market of one exchange.

    Attributes:
        weight_per_minute: REST weight that the exchange allows one address.
        books_in_band: Whether a book's image comes on the WebSocket, before its deltas, instead of over REST.
    """

    weight_per_minute: int
    books_in_band: bool

    def connections(self) -> list[Connection]:
        """Return the WebSockets to hold open."""
        ...

    def instruments(self) -> dict[str, Instrument]:
        """Return the subscribed instruments by the exchange's own name."""
        ...

    def feeds(self) -> list[tuple[str, Instrument]]:
        """Return every data type of every instrument that is subscribed to or polled."""
        ...

    def feed(self, frame: bytes, receive_ns: int) -> list[VenueEvent]:
        """Understand one frame; never raises for what a peer sent."""
        ...

    def book_request(self, instrument: Instrument) -> list[RestRequest | Send]:
        """Return what makes the exchange send the whole book."""
        ...

    def chain(self, trade: Trade) -> tuple[int, int]:
        """Return the first and the last of the contiguous ids that a trade covers."""
        ...

    def heal_request(self, instrument: Instrument, first_id: int, last_id: int) -> RestRequest | None:
        """Return the request for missing trades, as many as one answer holds; None where the venue gives none."""
        ...

    def history_request(self, data_type: str, instrument: Instrument, start_us: int, end_us: int) -> RestRequest | None:
        """Return the request for the past of a type from a time on, as much as one answer holds.

        Of trades it asks for one only, the first from that time on or the last before it: it tells at which id the time
        lies, and the rest is asked for by `heal_request`.

        Args:
            data_type: One of the venue's.
            instrument: Whose.
            start_us: UTC microseconds.
            end_us: Nothing from this time on is wanted; the request's own `RestRequest.end_us` may be earlier.

        Returns:
            None where the venue gives no past of this type.
        """
        ...

    def polls(self) -> list[Poll]:
        """Return what is asked over REST again and again."""
        ...

    def read(self, request: RestRequest, body: bytes, receive_ns: int) -> list[VenueEvent]:
        """Understand the answer to any request but a listing; never raises for what a peer sent."""
        ...


class ListingState(StrEnum):
    """Whether an instrument can be traded."""

    TRADING = "trading"
    PAUSED = "paused"
    DELISTED = "delisted"


@dataclass(frozen=True, slots=True)
class Listing:
    """What an exchange says about one instrument.

    Attributes:
        tick: Smallest step of the price.
        lot: Smallest step of the quantity, in what the exchange counts.
    """

    instrument: Instrument
    tick: str
    lot: str
    state: ListingState


class Directory(Protocol):
    """The exchange's list of instruments of one market."""

    def requests(self, symbols: Sequence[str]) -> list[RestRequest]:
        """Return the requests whose answers list the symbols."""
        ...

    def read(self, bodies: Sequence[bytes]) -> dict[str, Listing]:
        """Understand the answers to all requests: listings by canonical symbol.

        Raises:
            ContractError: An answer is no list of instruments.
        """
        ...
