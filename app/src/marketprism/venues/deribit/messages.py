"""The messages of Deribit that we read, by readable names; fields that nobody uses are not listed.

Source: docs.deribit.com, "Notifications" and the page of each channel and method. All times are milliseconds. Numbers
are JSON numbers: those that are prices or amounts stay `Raw`, so that `decimals` can keep their digits.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Raw, Struct, field

from marketprism.contract.events import Side

Milliseconds = Annotated[int, Meta(ge=946_684_800_000, lt=4_102_444_800_000)]
"""Of this century: a time outside it is no time that can be stored."""

Id = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Levels = list[tuple[Literal["new", "change", "delete"], Raw, Raw]]
"""Action, price and new amount; Deribit's page asks to treat ``new`` and ``change`` alike."""


class Notification(Struct):
    """``params`` of what the server sends unasked: ``type`` on heartbeats, the rest on subscriptions."""

    channel: str = ""
    data: Raw = Raw()
    type: str = ""


class Problem(Struct):
    """Why a request was refused."""

    code: int
    message: str = ""


class Frame(Struct):
    """Any frame: a notification, or the answer to a request."""

    method: str = ""
    params: Notification | None = None
    id: int | str | None = None
    result: Raw = Raw()
    error: Problem | None = None


class Timed(Struct):
    """A message with the exchange's time."""

    timestamp: Milliseconds

    @property
    def timestamp_us(self) -> int:
        """The time in UTC microseconds."""
        return self.timestamp * 1000


class TradeMessage(Timed):
    """One element of ``trades.{instrument}.{interval}`` and of the REST answer.

    ``direction`` is the taker's side. ``liquidation`` says whose order was a liquidation: maker ``M``, taker ``T``,
    both ``MT``.
    """

    sequence: Id = field(name="trade_seq")
    price: Raw
    amount: Raw
    direction: Side
    liquidation: str | None = None


class BookMessage(Timed):
    """``book.{instrument}.{interval}``: first the whole book, then changes. Recordings of 2019 have no ``type``."""

    change_id: Id
    bids: Levels
    asks: Levels
    type: Literal["snapshot", "change"] | None = None
    prev_id: Id | None = field(name="prev_change_id", default=None)


class TickerMessage(Timed):
    """``ticker.{instrument}.{interval}``; the funding of perpetuals only."""

    open_interest: Raw = Raw()
    mark_price: Raw = Raw()
    index_price: Raw = Raw()
    current_funding: Raw = Raw()


class VolatilityMessage(Timed):
    """``deribit_volatility_index.{index}``."""

    volatility: Raw


class TradesResult(Struct):
    """What ``public/get_last_trades_by_instrument`` found."""

    trades: Raw


class TradesAnswer(Struct):
    """Answer of ``public/get_last_trades_by_instrument``."""

    result: TradesResult


class FundingRow(Timed):
    """One element of ``public/get_funding_rate_history``: what an hour cost that ended then."""

    interest: Raw = field(name="interest_1h")
    index_price: Raw = Raw()


class FundingAnswer(Struct):
    """Answer of ``public/get_funding_rate_history``."""

    result: list[FundingRow]


class ListedInstrument(Struct):
    """One element of ``public/get_instruments``. Answers of 2021 have neither ``instrument_type`` nor ``state``."""

    name: str = field(name="instrument_name")
    base: str = field(name="base_currency")
    quote: str = field(name="quote_currency")
    tick_size: Raw
    min_trade_amount: Raw
    is_active: bool
    settlement_period: str = ""
    instrument_type: str = ""
    state: str = ""


class InstrumentsAnswer(Struct):
    """Answer of ``public/get_instruments``."""

    result: list[ListedInstrument]


decode_frame = msgspec.json.Decoder(Frame).decode
decode_channels = msgspec.json.Decoder(list[str]).decode
decode_trades = msgspec.json.Decoder(list[TradeMessage]).decode
decode_book = msgspec.json.Decoder(BookMessage).decode
decode_ticker = msgspec.json.Decoder(TickerMessage).decode
decode_volatility = msgspec.json.Decoder(VolatilityMessage).decode
decode_trades_answer = msgspec.json.Decoder(TradesAnswer).decode
decode_funding_answer = msgspec.json.Decoder(FundingAnswer).decode
decode_instruments = msgspec.json.Decoder(InstrumentsAnswer).decode
