"""Binance spot and USD-M futures: frames in, trades, book changes and witnesses out."""

from collections.abc import Callable, Iterable

import msgspec

from marketprism.contract.books import BookDelta, BookImage, BookTop
from marketprism.contract.events import Side, Trade, TradeIdKind
from marketprism.contract.instruments import Instrument
from marketprism.contract.numbers import is_decimal
from marketprism.venues.binance import messages
from marketprism.venues.binance.markets import BinanceMarket, instrument
from marketprism.venues.levels import are_numbers
from marketprism.venues.protocol import (
    Connection,
    Notice,
    NoticeKind,
    Observed,
    Poll,
    Purpose,
    Refusal,
    RestRequest,
    Send,
    VenueEvent,
)

_MICROSECONDS = 1000  # per millisecond, the unit of Binance's times


class Binance:
    """One market of Binance. Satisfies `venues.protocol.Venue`.

    Args:
        market: `markets.SPOT` or `markets.USDM`.
        symbols: Canonical symbols or Binance's own names.
        data_types: Which of ``trade`` and ``orderbook`` to subscribe to.
    """

    books_in_band = False

    def __init__(self, market: BinanceMarket, symbols: Iterable[str], data_types: Iterable[str]) -> None:
        self._market = market
        self._data_types = tuple(data_types)
        self._instruments = {i.name: i for i in (instrument(market, symbol) for symbol in symbols)}
        self.weight_per_minute = market.weight_per_minute
        self._readers: dict[str, Callable[[msgspec.Raw | bytes, int], VenueEvent]] = {
            "trade": self._fill,
            "aggTrade": self._aggregate,
            "depth": self._depth,
            "depthUpdate": self._depth,
            "bookTicker": self._book_ticker,
        }

    def connections(self) -> list[Connection]:
        """Return the WebSockets to hold open; a route without a wanted stream is left out."""
        found = []
        for name, (path, data_types) in self._market.routes.items():
            streams = [stream for wanted in data_types for stream in self._streams(wanted)]
            if streams:
                books = tuple(self._instruments) if self._has_books(data_types) else ()
                found.append(Connection(name, f"{path}?streams={'/'.join(streams)}", books=books))
        return found

    def instruments(self) -> dict[str, Instrument]:
        """Return the subscribed instruments by Binance's name."""
        return dict(self._instruments)

    def feed(self, frame: bytes, receive_ns: int) -> list[VenueEvent]:
        """Understand one frame; what cannot be understood comes back as a `Refusal`."""
        try:
            outer = messages.decode_frame(frame)
        except messages.UNREADABLE as error:
            return [Refusal("frame_malformed", f"{error}: {frame[:200]!r}")]
        if outer.stream is not None:
            kind = outer.stream.partition("@")[2].partition("@")[0] or outer.stream
            return [self._read(kind, outer.data, receive_ns)]
        if outer.event is not None:
            return [self._read(outer.event, frame, receive_ns)]
        if bytes(outer.error) or outer.code is not None:
            return [Notice(NoticeKind.ERROR, frame[:500].decode(errors="replace"))]
        if bytes(outer.result):
            return [Notice(NoticeKind.ACKNOWLEDGED, str(outer.id))]
        return [Refusal("frame_unrecognised", repr(frame[:200]))]

    def feeds(self) -> list[tuple[str, Instrument]]:
        """Return every data type of every instrument that is subscribed to."""
        return [(name, instrument) for name in self._data_types for instrument in self._instruments.values()]

    def book_request(self, wanted: Instrument) -> list[RestRequest | Send]:
        """Return the depth request for one instrument."""
        path = self._market.depth_path.format(name=wanted.name)
        return [RestRequest(Purpose.BOOK, "orderbook", wanted, path, self._market.depth_weight)]

    def chain(self, trade: Trade) -> tuple[int, int]:
        """Return the trade's id twice: Binance counts the messages of each stream without a hole."""
        return trade.trade_id, trade.trade_id

    def heal_request(self, wanted: Instrument, first_id: int, last_id: int) -> RestRequest | None:
        """Return the request for missing trades, oldest first."""
        return None

    def polls(self) -> list[Poll]:
        """Return what is asked over REST again and again."""
        return []

    def read(self, request: RestRequest, body: bytes, receive_ns: int) -> list[VenueEvent]:
        """Understand the answer of a depth request."""
        assert request.instrument is not None, "a book is somebody's"
        try:
            snapshot = messages.decode_snapshot(body)
        except messages.UNREADABLE as error:
            return [Refusal("snapshot_malformed", f"{error}: {body[:200]!r}")]
        if not are_numbers(snapshot.bids, snapshot.asks):
            return [Refusal("snapshot_number", repr(body[:200]))]
        return [BookImage(request.instrument, snapshot.update_id, receive_ns, snapshot.bids, snapshot.asks)]

    def _has_books(self, data_types: tuple[str, ...]) -> bool:
        return "orderbook" in data_types and "orderbook" in self._data_types

    def _streams(self, data_type: str) -> list[str]:
        if data_type not in self._data_types:
            return []
        suffixes: dict[str, tuple[str, ...]] = {
            "trade": (self._market.trade_stream,),
            "orderbook": (self._market.depth_stream, "bookTicker"),
        }
        return [f"{name.lower()}@{suffix}" for name in self._instruments for suffix in suffixes.get(data_type, ())]

    def _read(self, kind: str, data: msgspec.Raw | bytes, receive_ns: int) -> VenueEvent:
        if kind.endswith("serverShutdown"):
            return Notice(NoticeKind.ENDING, bytes(data).decode(errors="replace"))
        reader = self._readers.get(kind)
        if reader is None:
            return Refusal("stream_unsupported", kind)
        try:
            return reader(data, receive_ns)
        except messages.UNREADABLE as error:
            return Refusal(f"{kind}_malformed", f"{error}: {bytes(data)[:200]!r}")

    def _fill(self, data: msgspec.Raw | bytes, receive_ns: int) -> VenueEvent:
        message = messages.decode_fill(data)
        return self._trade(message, TradeIdKind.FILL, message.trade_id, message.trade_id, receive_ns)

    def _aggregate(self, data: msgspec.Raw | bytes, receive_ns: int) -> VenueEvent:
        message = messages.decode_aggregate(data)
        return self._trade(message, TradeIdKind.AGGREGATE, message.first_fill_id, message.last_fill_id, receive_ns)

    def _trade(
        self,
        message: messages.FillMessage | messages.AggregateMessage,
        id_kind: TradeIdKind,
        first_fill_id: int,
        last_fill_id: int,
        receive_ns: int,
    ) -> VenueEvent:
        found = self._instruments.get(message.symbol)
        if found is None:
            return Refusal("symbol_unknown", message.symbol)
        if not (is_decimal(message.price) and is_decimal(message.quantity)):
            return Refusal("trade_number", f"price {message.price!r}, quantity {message.quantity!r}")
        if min(message.trade_id, first_fill_id, last_fill_id, message.trade_ms, message.event_ms) < 0:
            return Refusal("trade_negative", f"trade {message.trade_id} at {message.trade_ms}")
        return Observed(
            "trade",
            found,
            Trade(
                id_kind=id_kind,
                trade_id=message.trade_id,
                first_fill_id=first_fill_id,
                last_fill_id=last_fill_id,
                price=message.price,
                quantity=message.quantity,
                side=Side.SELL if message.buyer_is_maker else Side.BUY,
                timestamp_us=message.trade_ms * _MICROSECONDS,
                event_us=message.event_ms * _MICROSECONDS,
                receive_ns=receive_ns,
            ),
        )

    def _depth(self, data: msgspec.Raw | bytes, receive_ns: int) -> VenueEvent:
        message = messages.decode_depth(data)
        found = self._instruments.get(message.symbol)
        if found is None:
            return Refusal("symbol_unknown", message.symbol)
        if not are_numbers(message.bids, message.asks):
            return Refusal("depth_number", repr(bytes(data)[:200]))
        milliseconds = message.event_ms if message.transaction_ms is None else message.transaction_ms
        return BookDelta(
            found,
            message.first_id,
            message.last_id,
            message.prev_id,
            milliseconds * _MICROSECONDS,
            receive_ns,
            message.bids,
            message.asks,
        )

    def _book_ticker(self, data: msgspec.Raw | bytes, receive_ns: int) -> VenueEvent:
        message = messages.decode_book_ticker(data)
        found = self._instruments.get(message.symbol)
        if found is None:
            return Refusal("symbol_unknown", message.symbol)
        bid, ask = (message.bid_price, message.bid_quantity), (message.ask_price, message.ask_quantity)
        if not are_numbers([bid], [ask]):
            return Refusal("bookTicker_number", repr(bytes(data)[:200]))
        return BookTop(found, message.update_id, bid, ask)
