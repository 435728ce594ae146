"""The frames and REST answers of Binance, by readable names; fields that nobody uses are not listed.

Sources: developers.binance.com, "WebSocket Streams" and "Market Data endpoints" (spot), "Websocket Market Streams" and
"Market Data" (USD-M futures). All times are milliseconds. Numbers are decimal text.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Raw, Struct, field

Levels = list[tuple[str, str]]
Id = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Milliseconds = Annotated[int, Meta(ge=0, lt=7_258_118_400_000)]
"""Until the year 2200: a time in another unit is refused, never stored as a far future."""

MICROSECONDS = 1000
"""In one millisecond."""
USDM_SYMBOL = 1
"""Symbol type (``st``) of USD-M futures; 2 is COIN-M, which some futures streams mix in. Spot sends none."""


class Frame(Struct):
    """Any frame: wrapped by a combined stream, bare, or an answer to a control message."""

    stream: str | None = None
    data: Raw = Raw()
    event: str | None = field(name="e", default=None)
    result: Raw = Raw()
    id: int | str | None = None
    error: Raw = Raw()
    code: int | None = None


class Message(Struct, kw_only=True):
    """What all messages about one symbol have."""

    symbol: str = field(name="s")
    symbol_type: int = field(name="st", default=USDM_SYMBOL)


class FillMessage(Message, kw_only=True):
    """``<symbol>@trade``: one fill. ``m`` says that the buyer was the maker, so the aggressor sold."""

    trade_id: Id = field(name="t")
    price: str = field(name="p")
    quantity: str = field(name="q")
    event_ms: Milliseconds = field(name="E")
    trade_ms: Milliseconds = field(name="T")
    buyer_is_maker: bool = field(name="m")


class AggregateMessage(Message, kw_only=True):
    """``<symbol>@aggTrade``: the fills of one taker order at one price within 100 ms."""

    trade_id: Id = field(name="a")
    first_fill_id: Id = field(name="f")
    last_fill_id: Id = field(name="l")
    price: str = field(name="p")
    quantity: str = field(name="q")
    event_ms: Milliseconds = field(name="E")
    trade_ms: Milliseconds = field(name="T")
    buyer_is_maker: bool = field(name="m")


class DepthMessage(Message, kw_only=True):
    """``<symbol>@depth``: levels changed since the message before; ``pu`` and ``T`` on futures only."""

    first_id: Id = field(name="U")
    last_id: Id = field(name="u")
    event_ms: Milliseconds = field(name="E")
    bids: Levels = field(name="b")
    asks: Levels = field(name="a")
    prev_id: Id | None = field(name="pu", default=None)
    transaction_ms: Milliseconds | None = field(name="T", default=None)


class BookTickerMessage(Message, kw_only=True):
    """``<symbol>@bookTicker``: best bid and ask after the update ``u``."""

    update_id: Id = field(name="u")
    bid_price: str = field(name="b")
    bid_quantity: str = field(name="B")
    ask_price: str = field(name="a")
    ask_quantity: str = field(name="A")


class MarkPriceMessage(Message, kw_only=True):
    """``<symbol>@markPrice``. ``P``, the estimated settlement price, is no rate and not read.

    Attributes:
        rate: Empty, or zero with a `funding_ms` of 0, where no funding is scheduled.
    """

    event_ms: Milliseconds = field(name="E")
    mark_price: str = field(name="p")
    index_price: str = field(name="i")
    rate: str = field(name="r")
    funding_ms: Milliseconds = field(name="T")


class ForcedOrder(Struct):
    """The order that closes a position. ``q`` and ``p`` are what was ordered, ``ap`` and ``z`` what was filled."""

    symbol: str = field(name="s")
    side: Literal["BUY", "SELL"] = field(name="S")
    average_price: str = field(name="ap")
    filled_quantity: str = field(name="z")
    trade_ms: Milliseconds = field(name="T")


class LiquidationMessage(Struct):
    """``<symbol>@forceOrder``: at most one order a second and symbol."""

    order: ForcedOrder = field(name="o")
    symbol_type: int = field(name="st", default=USDM_SYMBOL)

    @property
    def symbol(self) -> str:
        """Binance's name of the instrument, which only the order has."""
        return self.order.symbol


class DepthSnapshot(Struct):
    """Answer of ``/api/v3/depth`` and ``/fapi/v1/depth``."""

    update_id: Id = field(name="lastUpdateId")
    bids: Levels
    asks: Levels


class FillRow(Struct):
    """One row of ``/api/v3/historicalTrades``."""

    trade_id: Id = field(name="id")
    price: str
    quantity: str = field(name="qty")
    trade_ms: Milliseconds = field(name="time")
    buyer_is_maker: bool = field(name="isBuyerMaker")


class AggregateRow(Struct):
    """One row of ``/fapi/v1/aggTrades``."""

    trade_id: Id = field(name="a")
    first_fill_id: Id = field(name="f")
    last_fill_id: Id = field(name="l")
    price: str = field(name="p")
    quantity: str = field(name="q")
    trade_ms: Milliseconds = field(name="T")
    buyer_is_maker: bool = field(name="m")


class OpenInterestAnswer(Struct, rename="camel"):
    """Answer of ``/fapi/v1/openInterest``, in base currency."""

    symbol: str
    open_interest: str
    time: Milliseconds


class FundingRow(Struct, rename="camel"):
    """One row of ``/fapi/v1/fundingRate``: a settled rate.

    Attributes:
        mark_price: Empty in old rows.
    """

    symbol: str
    funding_time: Milliseconds
    funding_rate: str
    mark_price: str = ""


class OpenInterestBar(Struct, rename="camel"):
    """One row of ``/futures/data/openInterestHist``, in base currency."""

    symbol: str
    sum_open_interest: str
    timestamp: Milliseconds


class RatioRow(Struct, rename="camel"):
    """One row of the ratios under ``/futures/data``; the shares are of positions or of accounts, as the path says."""

    symbol: str
    long_short_ratio: str
    long_account: str
    short_account: str
    timestamp: Milliseconds


class Failure(Struct):
    """What every REST endpoint answers instead."""

    code: int
    text: str = field(name="msg")


class SymbolFilter(Struct, rename="camel"):
    """One rule for the orders of a symbol; of the many kinds two are read."""

    filter_type: str
    tick_size: str = ""
    step_size: str = ""


class SymbolRow(Struct, rename="camel"):
    """One symbol of ``exchangeInfo``; spot has no contract type."""

    symbol: str
    status: str
    base_asset: str
    quote_asset: str
    filters: list[SymbolFilter]
    contract_type: str = ""


class ExchangeInfo(Struct):
    """Answer of ``/api/v3/exchangeInfo`` and ``/fapi/v1/exchangeInfo``; each symbol is decoded by itself."""

    symbols: list[Raw]


decode_frame = msgspec.json.Decoder(Frame).decode
decode_fill = msgspec.json.Decoder(FillMessage).decode
decode_aggregate = msgspec.json.Decoder(AggregateMessage).decode
decode_depth = msgspec.json.Decoder(DepthMessage).decode
decode_book_ticker = msgspec.json.Decoder(BookTickerMessage).decode
decode_mark_price = msgspec.json.Decoder(MarkPriceMessage).decode
decode_liquidation = msgspec.json.Decoder(LiquidationMessage).decode
decode_snapshot = msgspec.json.Decoder(DepthSnapshot).decode
decode_fills = msgspec.json.Decoder(list[FillRow]).decode
decode_aggregates = msgspec.json.Decoder(list[AggregateRow]).decode
decode_open_interest = msgspec.json.Decoder(OpenInterestAnswer).decode
decode_funding_rows = msgspec.json.Decoder(list[FundingRow]).decode
decode_open_interest_bars = msgspec.json.Decoder(list[OpenInterestBar]).decode
decode_ratios = msgspec.json.Decoder(list[RatioRow]).decode
decode_failure = msgspec.json.Decoder(Failure).decode
decode_exchange_info = msgspec.json.Decoder(ExchangeInfo).decode
decode_symbol = msgspec.json.Decoder(SymbolRow).decode
