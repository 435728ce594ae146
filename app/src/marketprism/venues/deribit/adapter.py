"""Deribit: frames in; trades, books, funding, open interest, liquidations and volatility indices out."""

from collections.abc import Iterable

from msgspec import Raw

from marketprism.contract.events import Trade
from marketprism.contract.instruments import Instrument
from marketprism.errors import ContractError
from marketprism.venues.deribit import history, messages
from marketprism.venues.deribit.channels import BOOK, TRADES, Channel, channels
from marketprism.venues.deribit.requests import Requests
from marketprism.venues.protocol import UNREADABLE, Connection, Poll, Refusal, RestRequest, Send, VenueEvent

PATH = "/ws/api/v2"
CHANNELS_PER_CONNECTION = 150
"""Fifty instruments of three channels. One request may name 500, so that one subscribes a whole connection."""

MESSAGES_PER_SECOND = 6.0
"""Subscribing costs 3,000 credits of a pool that 10,000 a second refill: 3.3 times a second. At most every second
message of ours subscribes (after asking for heartbeats, or after unsubscribing). The limit is the address's, and its
connections share it.
"""

CREDITS_PER_MINUTE = 600_000
"""REST weight is counted in Deribit's credits, of which 10,000 flow back each second: 20 requests."""


class Deribit:
    """Perpetuals of Deribit and the volatility indices of their base currencies. Satisfies `venues.protocol.Venue`.

    Args:
        instruments: As the `directory` lists them, or `instruments.perpetual` makes them.
        data_types: What to collect, of ``contract.venues.VENUES["deribit"].data_types``.
    """

    weight_per_minute = CREDITS_PER_MINUTE
    books_in_band = True

    def __init__(self, instruments: Iterable[Instrument], data_types: Iterable[str]) -> None:
        self._instruments = {instrument.name: instrument for instrument in instruments}
        self._channels = channels(self._instruments.values(), data_types)
        self._by_topic = {channel.topic: channel for channel in self._channels}
        self._requests = Requests()
        self._connections = self._open()

    def connections(self) -> list[Connection]:
        """Return the WebSockets to hold open."""
        return list(self._connections)

    def instruments(self) -> dict[str, Instrument]:
        """Return the subscribed instruments by Deribit's name, without the volatility indices: nobody trades those."""
        return dict(self._instruments)

    def feeds(self) -> list[tuple[str, Instrument]]:
        """Return every data type of every instrument and volatility index that is subscribed to."""
        return [(data_type, channel.instrument) for channel in self._channels for data_type in channel.data_types]

    def feed(self, frame: bytes, receive_ns: int) -> list[VenueEvent]:
        """Understand one frame; what cannot be understood comes back as a `Refusal`."""
        try:
            outer = messages.decode_frame(frame)
        except UNREADABLE as error:
            return [Refusal("frame_malformed", f"{error}: {frame[:200]!r}")]
        params = outer.params or messages.Notification()
        if outer.method == "subscription":
            return self._notified(params, receive_ns)
        if outer.method == "heartbeat":
            return [Send(self._requests.test())] if params.type == "test_request" else []
        if outer.error is not None or bytes(outer.result):
            return self._requests.answered(outer)
        return [Refusal("frame_unrecognised", repr(frame[:200]))]

    def book_request(self, instrument: Instrument) -> list[RestRequest | Send]:
        """Return what makes the book's channel start anew, with the whole book."""
        channel = self._by_topic[f"{BOOK}.{instrument.name}"].name
        connection = next(found.name for found in self._connections if instrument.name in found.books)
        return [Send(message, connection) for message in self._requests.again(channel)]

    def chain(self, trade: Trade) -> tuple[int, int]:
        """Return the trade's id twice: ``trade_seq`` counts the trades of one instrument without a hole."""
        return trade.trade_id, trade.trade_id

    def heal_request(self, instrument: Instrument, first_id: int, last_id: int) -> RestRequest | None:
        """Return the request for missing trades, oldest first."""
        return history.missing_trades(instrument, first_id, last_id)

    def history_request(self, data_type: str, instrument: Instrument, start_us: int, end_us: int) -> RestRequest | None:
        """Return the request for hourly funding, or for the first trade from a time on; there is no other past."""
        if data_type == "trade":
            return history.trade_at(instrument, start_us)
        return history.funding(instrument, start_us, end_us) if data_type == "funding_rate" else None

    def polls(self) -> list[Poll]:
        """Return nothing: Deribit sends everything over the WebSocket."""
        return []

    def read(self, request: RestRequest, body: bytes, receive_ns: int) -> list[VenueEvent]:
        """Understand the answer to a request for trades or for hourly funding."""
        assert request.instrument is not None, "the past is somebody's"
        try:
            if request.data_type == "funding_rate":
                return history.read_funding(request.instrument, body, receive_ns)
            answer = messages.decode_trades_answer(body)
        except UNREADABLE as error:
            return [Refusal("answer_malformed", f"{error}: {body[:200]!r}")]
        except ContractError as error:
            return [Refusal("funding_number", f"{request.instrument}: {error}")]
        return _read(self._by_topic[f"{TRADES}.{request.instrument.name}"], answer.result.trades, receive_ns)

    def _open(self) -> list[Connection]:
        starts = range(0, len(self._channels), CHANNELS_PER_CONNECTION)
        found = []
        for number, start in enumerate(starts, start=1):
            group = self._channels[start : start + CHANNELS_PER_CONNECTION]
            connection = Connection(
                f"public-{number}",
                PATH,
                subscribe=self._requests.opening([channel.name for channel in group]),
                books=tuple(channel.instrument.name for channel in group if channel.kind == BOOK),
                max_messages_per_second=MESSAGES_PER_SECOND / len(starts),
            )
            found.append(connection)
        return found

    def _notified(self, params: messages.Notification, receive_ns: int) -> list[VenueEvent]:
        name = params.channel
        channel = self._by_topic.get(name) or self._by_topic.get(name.rpartition(".")[0])
        if channel is None:
            return [Refusal("channel_unknown", name[:200])]
        return _read(channel, params.data, receive_ns)


def _read(channel: Channel, data: Raw, receive_ns: int) -> list[VenueEvent]:
    try:
        return channel.read(data, receive_ns)
    except UNREADABLE as error:
        return [Refusal(f"{channel.kind}_malformed", f"{channel.name}: {error}: {bytes(data)[:200]!r}")]
    except ContractError as error:
        return [Refusal(f"{channel.kind}_number", f"{channel.name}: {error}")]
