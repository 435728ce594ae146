"""Trades: the fills of spot and the aggregates of futures, from the stream and, where some are missing, from REST.

The ids of each stream are contiguous for one symbol. Futures' undocumented ``@trade`` is understood as well, for
recordings: it was the stream to take in 2024.
"""

from marketprism.contract.events import Side, Trade, TradeIdKind
from marketprism.contract.instruments import Instrument
from marketprism.contract.numbers import is_decimal
from marketprism.venues.binance import messages
from marketprism.venues.binance.channels import Channel
from marketprism.venues.protocol import Observed, Refusal, VenueEvent

_Message = messages.FillMessage | messages.AggregateMessage
_Row = messages.FillRow | messages.AggregateRow
_AGGREGATES = (messages.AggregateMessage, messages.AggregateRow)


def read_fills(body: bytes, instrument: Instrument, receive_ns: int) -> list[VenueEvent]:
    """Understand ``historicalTrades``; its rows have no time of their own message, so that is the trade's."""
    return [_trade(row, instrument, row.trade_ms, receive_ns) for row in messages.decode_fills(body)]


def read_aggregates(body: bytes, instrument: Instrument, receive_ns: int) -> list[VenueEvent]:
    """Understand ``aggTrades``, likewise."""
    return [_trade(row, instrument, row.trade_ms, receive_ns) for row in messages.decode_aggregates(body)]


def _of_stream(message: _Message, instrument: Instrument, receive_ns: int) -> VenueEvent:
    return _trade(message, instrument, message.event_ms, receive_ns)


def _trade(trade: _Message | _Row, instrument: Instrument, event_ms: int, receive_ns: int) -> VenueEvent:
    if not (is_decimal(trade.price) and is_decimal(trade.quantity)):
        return Refusal("trade_number", f"price {trade.price[:60]!r}, quantity {trade.quantity[:60]!r}")
    id_kind, fills = TradeIdKind.FILL, (trade.trade_id, trade.trade_id)
    if isinstance(trade, _AGGREGATES):
        id_kind, fills = TradeIdKind.AGGREGATE, (trade.first_fill_id, trade.last_fill_id)
    event = Trade(
        id_kind=id_kind,
        trade_id=trade.trade_id,
        first_fill_id=fills[0],
        last_fill_id=fills[1],
        price=trade.price,
        quantity=trade.quantity,
        side=Side.SELL if trade.buyer_is_maker else Side.BUY,
        timestamp_us=trade.trade_ms * messages.MICROSECONDS,
        event_us=event_ms * messages.MICROSECONDS,
        receive_ns=receive_ns,
    )
    return Observed("trade", instrument, event)


FILLS = Channel("trade", messages.decode_fill, _of_stream)
AGGREGATES = Channel("trade", messages.decode_aggregate, _of_stream)
