"""Binance spot and USD-M futures: frames in; trades, book changes, witnesses, rates and liquidations out."""

from collections.abc import Callable, Iterable, Mapping

from msgspec import Raw

from marketprism.contract.events import Trade, TradeIdKind
from marketprism.contract.instruments import Instrument
from marketprism.venues.binance import books, derivatives, messages, rest, streams, trades
from marketprism.venues.binance.markets import BinanceMarket, has
from marketprism.venues.protocol import (
    UNREADABLE,
    Connection,
    Notice,
    NoticeKind,
    Poll,
    Refusal,
    RestRequest,
    Send,
    VenueEvent,
)

_CHANNELS: dict[str, Callable[[bytes | Raw, Mapping[str, Instrument], int], list[VenueEvent]]] = {
    "trade": trades.FILLS.feed,
    "aggTrade": trades.AGGREGATES.feed,
    "depth": books.CHANGES.feed,
    "depthUpdate": books.CHANGES.feed,
    "bookTicker": books.TOPS.feed,
    "markPrice": derivatives.FUNDING.feed,
    "markPriceUpdate": derivatives.FUNDING.feed,
    "forceOrder": derivatives.LIQUIDATIONS.feed,
}
"""Channels by the kind in a stream's name, and by the kind in a bare message where that is another."""


class Binance:
    """One market of Binance. Satisfies `venues.protocol.Venue`.

    Args:
        market: `markets.SPOT` or `markets.USDM`.
        instruments: What to subscribe to.
        data_types: Which of the venue's data types to subscribe to or to poll.
    """

    books_in_band = False

    def __init__(self, market: BinanceMarket, instruments: Iterable[Instrument], data_types: Iterable[str]) -> None:
        self._market = market
        self._data_types = tuple(data_types)
        self._instruments = {instrument.name: instrument for instrument in instruments}
        self.weight_per_minute = market.weight_per_minute

    def connections(self) -> list[Connection]:
        """Return the WebSockets to hold open; a route without a wanted stream is left out."""
        return streams.connections(self._market, self._instruments.values(), self._data_types)

    def instruments(self) -> dict[str, Instrument]:
        """Return the subscribed instruments by Binance's name."""
        return dict(self._instruments)

    def feeds(self) -> list[tuple[str, Instrument]]:
        """Return every data type of every instrument that is subscribed to or polled."""
        return [(name, each) for name in self._data_types for each in self._instruments.values() if has(each, name)]

    def feed(self, frame: bytes, receive_ns: int) -> list[VenueEvent]:
        """Understand one frame; what cannot be understood comes back as a `Refusal`."""
        try:
            outer = messages.decode_frame(frame)
        except UNREADABLE as error:
            return [Refusal("frame_malformed", f"{error}: {frame[:200]!r}")]
        if outer.stream is not None:
            kind = outer.stream.partition("@")[2].partition("@")[0] or outer.stream
            return self._read(kind, outer.data, receive_ns)
        if outer.event is not None:
            return self._read(outer.event, frame, receive_ns)
        if bytes(outer.error) or outer.code is not None:
            return [Notice(NoticeKind.ERROR, frame[:500].decode(errors="replace"))]
        if bytes(outer.result):
            return [Notice(NoticeKind.ACKNOWLEDGED, str(outer.id)[:60])]
        return [Refusal("frame_unrecognised", repr(frame[:200]))]

    def book_request(self, instrument: Instrument) -> list[RestRequest | Send]:
        """Return the depth request for one instrument."""
        return [rest.book(self._market, instrument)]

    def chain(self, trade: Trade) -> tuple[int, int]:
        """Return the trade's id twice: Binance counts the messages of each stream without a hole.

        An aggregate of a market whose stream has fills covers those; it comes when the past is asked for by time.
        """
        if trade.id_kind is TradeIdKind.AGGREGATE and self._market.trade_ids is TradeIdKind.FILL:
            return trade.first_fill_id, trade.last_fill_id
        return trade.trade_id, trade.trade_id

    def heal_request(self, instrument: Instrument, first_id: int, last_id: int) -> RestRequest | None:
        """Return the request for missing trades, oldest first."""
        return rest.missing_trades(self._market, instrument, first_id, last_id)

    def history_request(self, data_type: str, instrument: Instrument, start_us: int, end_us: int) -> RestRequest | None:
        """Return the request for the past of a type; of trades, the aggregate that is the first from a time on."""
        return rest.history(self._market, data_type, instrument, start_us, end_us)

    def polls(self) -> list[Poll]:
        """Return what is asked over REST again and again."""
        return rest.polls(self._market, self._instruments.values(), self._data_types)

    def read(self, request: RestRequest, body: bytes, receive_ns: int) -> list[VenueEvent]:
        """Understand the answer to any request but a listing; what cannot be understood comes back as a `Refusal`."""
        return rest.read(self._market, request, body, receive_ns)

    def _read(self, kind: str, data: bytes | Raw, receive_ns: int) -> list[VenueEvent]:
        channel = _CHANNELS.get(kind)
        if channel is not None:
            return channel(data, self._instruments, receive_ns)
        if kind.endswith("serverShutdown"):
            return [Notice(NoticeKind.ENDING, bytes(data)[:500].decode(errors="replace"))]
        return [Refusal("stream_unsupported", kind[:60])]
