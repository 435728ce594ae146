"""What only futures have: funding and liquidations from the stream, open interest and long/short ratios from REST."""

from marketprism.contract.events import FundingRate, Liquidation, LongShortRatio, OpenInterest, Side
from marketprism.contract.instruments import Instrument
from marketprism.contract.numbers import is_decimal, parse
from marketprism.venues.binance import messages
from marketprism.venues.binance.channels import Channel
from marketprism.venues.binance.markets import RATIO_PERIOD
from marketprism.venues.protocol import Observed, Refusal, VenueEvent

_MINUTE_MS = 60_000


def read_open_interest(body: bytes, instrument: Instrument, receive_ns: int) -> list[VenueEvent]:
    """Understand an open interest. USD-M counts base currency, so there is no number of contracts beside it."""
    answer = messages.decode_open_interest(body)
    return [_open_interest(answer.symbol, answer.open_interest, answer.time, instrument, receive_ns)]


def read_open_interest_history(body: bytes, instrument: Instrument, receive_ns: int) -> list[VenueEvent]:
    """Understand the open interest of the past, one for every five minutes."""
    return [
        _open_interest(bar.symbol, bar.sum_open_interest, bar.timestamp, instrument, receive_ns)
        for bar in messages.decode_open_interest_bars(body)
    ]


def read_funding_history(body: bytes, instrument: Instrument, receive_ns: int) -> list[VenueEvent]:
    """Understand settled rates; each is dated to the minute of its settlement, as Binance's times are some ms late."""
    return [_settled(row, instrument, receive_ns) for row in messages.decode_funding_rows(body)]


def read_ratios(data_type: str, body: bytes, instrument: Instrument, receive_ns: int) -> list[VenueEvent]:
    """Understand the newest bars of a ratio, oldest first; a bar that has not changed comes again.

    All three numbers are kept as sent: the documentation's own samples do not add up to one.
    """
    return [_ratio(data_type, row, instrument, receive_ns) for row in messages.decode_ratios(body)]


def _open_interest(symbol: str, quantity: str, time_ms: int, instrument: Instrument, receive_ns: int) -> VenueEvent:
    if symbol != instrument.name:
        return Refusal("symbol_unknown", symbol[:60])
    if not is_decimal(quantity):
        return Refusal("open_interest_number", quantity[:60])
    event = OpenInterest(
        quantity=quantity,
        contracts=None,
        timestamp_us=time_ms * messages.MICROSECONDS,
        receive_ns=receive_ns,
    )
    return Observed("open_interest", instrument, event)


def _settled(row: messages.FundingRow, instrument: Instrument, receive_ns: int) -> VenueEvent:
    if row.symbol != instrument.name:
        return Refusal("symbol_unknown", row.symbol[:60])
    if not is_decimal(row.funding_rate) or not (is_decimal(row.mark_price) or row.mark_price == ""):
        return Refusal("funding_number", repr((row.funding_rate, row.mark_price))[:200])
    settled_us = row.funding_time // _MINUTE_MS * _MINUTE_MS * messages.MICROSECONDS
    event = FundingRate(
        rate=row.funding_rate,
        funding_us=settled_us,
        interval_seconds=None,
        mark_price=row.mark_price or None,
        index_price=None,
        timestamp_us=settled_us,
        receive_ns=receive_ns,
    )
    return Observed("funding_rate", instrument, event)


def _ratio(data_type: str, row: messages.RatioRow, instrument: Instrument, receive_ns: int) -> VenueEvent:
    if row.symbol != instrument.name:
        return Refusal("symbol_unknown", row.symbol[:60])
    numbers = (row.long_short_ratio, row.long_account, row.short_account)
    if not all(map(is_decimal, numbers)):
        return Refusal("ratio_number", repr(numbers)[:200])
    event = LongShortRatio(
        period=RATIO_PERIOD,
        ratio=row.long_short_ratio,
        long_share=row.long_account,
        short_share=row.short_account,
        timestamp_us=row.timestamp * messages.MICROSECONDS,
        receive_ns=receive_ns,
    )
    return Observed(data_type, instrument, event)


def _funding(message: messages.MarkPriceMessage, instrument: Instrument, receive_ns: int) -> VenueEvent | None:
    """Read a rate. A mark price without one (delisted, about to be delivered) is sound and says nothing about funding.

    It would otherwise be refused every second for as long as the instrument exists.
    """
    if message.funding_ms == 0 or not message.rate:
        return None
    numbers = (message.rate, message.mark_price, message.index_price)
    if not all(map(is_decimal, numbers)):
        return Refusal("funding_number", repr(numbers)[:200])
    event = FundingRate(
        rate=message.rate,
        funding_us=message.funding_ms * messages.MICROSECONDS,
        interval_seconds=None,
        mark_price=message.mark_price,
        index_price=message.index_price,
        timestamp_us=message.event_ms * messages.MICROSECONDS,
        receive_ns=receive_ns,
    )
    return Observed("funding_rate", instrument, event)


def _liquidation(message: messages.LiquidationMessage, instrument: Instrument, receive_ns: int) -> VenueEvent:
    """Read a forced order: what was filled at which average, not what was ordered."""
    order = message.order
    if not (_is_positive(order.average_price) and _is_positive(order.filled_quantity)):
        numbers = f"price {order.average_price[:60]!r}, quantity {order.filled_quantity[:60]!r}"
        return Refusal("liquidation_number", numbers)
    event = Liquidation(
        side=Side.BUY if order.side == "BUY" else Side.SELL,
        price=order.average_price,
        quantity=order.filled_quantity,
        contracts=None,
        ordinal=0,
        timestamp_us=order.trade_ms * messages.MICROSECONDS,
        receive_ns=receive_ns,
    )
    return Observed("liquidation", instrument, event)


def _is_positive(text: str) -> bool:
    """Tell whether something was filled: an order without a fill has zeros."""
    return is_decimal(text) and parse(text) > 0


FUNDING = Channel("funding", messages.decode_mark_price, _funding)
LIQUIDATIONS = Channel("liquidation", messages.decode_liquidation, _liquidation)
