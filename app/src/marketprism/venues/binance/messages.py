"""The frames of Binance that we read, by readable names; fields that nobody uses are not listed.

Sources: developers.binance.com, "WebSocket Streams" (spot) and "Websocket Market Streams" (USD-M futures). All times
are milliseconds. Numbers are decimal text.
"""

import msgspec
from msgspec import Raw, Struct, field

Levels = list[tuple[str, str]]


class Frame(Struct):
    """Any frame: wrapped by a combined stream, bare, or an answer to a control message."""

    stream: str | None = None
    data: Raw = Raw()
    event: str | None = field(name="e", default=None)
    result: Raw = Raw()
    id: int | str | None = None
    error: Raw = Raw()
    code: int | None = None


class FillMessage(Struct):
    """``<symbol>@trade``: one fill. ``m`` says that the buyer was the maker, so the aggressor sold."""

    symbol: str = field(name="s")
    trade_id: int = field(name="t")
    price: str = field(name="p")
    quantity: str = field(name="q")
    event_ms: int = field(name="E")
    trade_ms: int = field(name="T")
    buyer_is_maker: bool = field(name="m")


class AggregateMessage(Struct):
    """``<symbol>@aggTrade``: the fills of one taker order at one price within 100 ms."""

    symbol: str = field(name="s")
    trade_id: int = field(name="a")
    first_fill_id: int = field(name="f")
    last_fill_id: int = field(name="l")
    price: str = field(name="p")
    quantity: str = field(name="q")
    event_ms: int = field(name="E")
    trade_ms: int = field(name="T")
    buyer_is_maker: bool = field(name="m")


class DepthMessage(Struct):
    """``<symbol>@depth``: levels changed since the message before; ``pu`` and ``T`` on futures only."""

    symbol: str = field(name="s")
    first_id: int = field(name="U")
    last_id: int = field(name="u")
    event_ms: int = field(name="E")
    bids: Levels = field(name="b")
    asks: Levels = field(name="a")
    prev_id: int | None = field(name="pu", default=None)
    transaction_ms: int | None = field(name="T", default=None)


class BookTickerMessage(Struct):
    """``<symbol>@bookTicker``: best bid and ask after the update ``u``."""

    symbol: str = field(name="s")
    update_id: int = field(name="u")
    bid_price: str = field(name="b")
    bid_quantity: str = field(name="B")
    ask_price: str = field(name="a")
    ask_quantity: str = field(name="A")


class DepthSnapshot(Struct):
    """Answer of ``/api/v3/depth`` and ``/fapi/v1/depth``."""

    update_id: int = field(name="lastUpdateId")
    bids: Levels
    asks: Levels


UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What a decoder raises on bytes that are not the message; the last on absurdly deep nesting."""

decode_frame = msgspec.json.Decoder(Frame).decode
decode_fill = msgspec.json.Decoder(FillMessage).decode
decode_aggregate = msgspec.json.Decoder(AggregateMessage).decode
decode_depth = msgspec.json.Decoder(DepthMessage).decode
decode_book_ticker = msgspec.json.Decoder(BookTickerMessage).decode
decode_snapshot = msgspec.json.Decoder(DepthSnapshot).decode
