"""OKX spot and perpetual swaps: frames and answers in, events and book changes out."""

from collections.abc import Callable, Iterable

from marketprism.contract.events import Trade
from marketprism.contract.instruments import Instrument
from marketprism.venues.okx import funding, liquidations, open_interest, ratios, trades
from marketprism.venues.okx.books import Books
from marketprism.venues.okx.frames import PONG, Argument, Frame, decode_frame, notice
from marketprism.venues.okx.markets import OkxMarket
from marketprism.venues.okx.ratios import Ratios
from marketprism.venues.okx.subscriptions import BOOKS, DATA_TYPES, LIQUIDATIONS, Subscriptions
from marketprism.venues.protocol import UNREADABLE, Connection, Poll, Refusal, RestRequest, Send, VenueEvent

_REQUESTS_PER_MINUTE = 600
"""OKX limits each path by itself: 20 requests in two seconds for trades and for instruments, which is this number, and
five in two seconds for each instrument's ratios. Here every request weighs one and all share the lowest limit."""

Reader = Callable[[Instrument, Frame, int], list[VenueEvent]]


class Okx:
    """One market of OKX. Satisfies `venues.protocol.Venue`.

    Args:
        market: `markets.SPOT` or `markets.SWAP`.
        instruments: As `directory.OkxDirectory` lists them, contract sizes included.
        data_types: What to subscribe to or to poll.
    """

    weight_per_minute = _REQUESTS_PER_MINUTE
    books_in_band = True

    def __init__(self, market: OkxMarket, instruments: Iterable[Instrument], data_types: Iterable[str]) -> None:
        self._data_types = tuple(data_types)
        self._instruments = {instrument.name: instrument for instrument in instruments}
        self._subscriptions = Subscriptions(market, tuple(self._instruments), self._data_types)
        self._ratios = Ratios(tuple(self._instruments.values()), self._data_types)
        self._readers: dict[str, Reader] = {
            "trades": trades.read,
            BOOKS: Books().read,
            "funding-rate": funding.read,
            "open-interest": open_interest.read,
        }

    def connections(self) -> list[Connection]:
        """Return the WebSockets to hold open."""
        return self._subscriptions.connections()

    def instruments(self) -> dict[str, Instrument]:
        """Return the subscribed instruments by ``instId``."""
        return dict(self._instruments)

    def feeds(self) -> list[tuple[str, Instrument]]:
        """Return every data type of every instrument that is subscribed to or polled."""
        return [(name, instrument) for name in self._data_types for instrument in self._instruments.values()]

    def feed(self, frame: bytes, receive_ns: int) -> list[VenueEvent]:
        """Understand one frame; what cannot be understood comes back as a `Refusal`."""
        if frame == PONG:
            return []
        try:
            message = decode_frame(frame)
        except UNREADABLE as error:
            return [Refusal("frame_malformed", f"{error}: {frame[:200]!r}")]
        if message.event is not None:
            return [notice(message)]
        if message.argument is None:
            return [Refusal("frame_unrecognised", repr(frame[:200]))]
        return self._push(message, message.argument, receive_ns)

    def book_request(self, instrument: Instrument) -> list[RestRequest | Send]:
        """Return the messages that end the book's subscription and begin it anew: the image comes first."""
        return [*self._subscriptions.renew_book(instrument.name)]

    def chain(self, trade: Trade) -> tuple[int, int]:
        """Return the fills that a trade covers: their ids are contiguous."""
        return trade.first_fill_id, trade.last_fill_id

    def heal_request(self, instrument: Instrument, first_id: int, last_id: int) -> RestRequest | None:
        """Return the request for the newest of the missing fills."""
        return trades.heal_request(instrument, first_id, last_id)

    def history_request(self, data_type: str, instrument: Instrument, start_us: int, end_us: int) -> RestRequest | None:
        """Return the request for the past of a type; of trades, the last fill before a time. Open interest has none."""
        if data_type == trades.DATA_TYPE:
            return trades.locating_request(instrument, start_us)
        if data_type == funding.DATA_TYPE:
            return funding.history_request(instrument, start_us, end_us)
        return ratios.history_request(data_type, instrument, start_us, end_us) if data_type in ratios.PATHS else None

    def polls(self) -> list[Poll]:
        """Return the requests for long/short ratios."""
        return self._ratios.polls()

    def read(self, request: RestRequest, body: bytes, receive_ns: int) -> list[VenueEvent]:
        """Understand the answer to a request for trades, for ratios or for settled funding rates."""
        if request.data_type == trades.DATA_TYPE:
            return trades.read_history(request, body, receive_ns)
        if request.data_type == funding.DATA_TYPE:
            assert request.instrument is not None, "a rate is somebody's"
            return funding.read_history(request.instrument, body, receive_ns)
        return self._ratios.read(request, body, receive_ns)

    def _push(self, frame: Frame, about: Argument, receive_ns: int) -> list[VenueEvent]:
        if about.channel not in self._subscriptions.channels:
            return [Refusal("channel_unsupported", str(about))]
        try:
            if about.channel == LIQUIDATIONS:
                return liquidations.read(self._instruments, frame, receive_ns)
            instrument = self._instruments.get(about.instrument)
            if instrument is None:
                return [Refusal("symbol_unknown", str(about))]
            return self._readers[about.channel](instrument, frame, receive_ns)
        except UNREADABLE as error:
            return [Refusal(f"{DATA_TYPES[about.channel]}_malformed", f"{about}: {error}")]
