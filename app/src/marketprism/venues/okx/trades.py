"""Trades: the ``trades`` channel, and single fills over REST where the channel left a hole.

Source: www.okx.com/docs-v5/en, "Trades channel" and "Get trades history". A message of the channel stands for ``count``
fills of one taker order at one price and carries the id of the last of them, so that ``tradeId - count`` is the id of
the message before (as measured; the page does not say it). Before there was a ``count``, each message was one fill.
``side`` is the taker's.
"""

from functools import partial
from urllib.parse import quote

import msgspec
from msgspec import Struct, field

from marketprism.contract.events import Side, Trade, TradeIdKind
from marketprism.contract.instruments import Instrument
from marketprism.errors import ContractError
from marketprism.venues.okx.frames import Frame, Milliseconds, TradeId, answer, observed
from marketprism.venues.okx.sizes import measure
from marketprism.venues.protocol import UNREADABLE, Purpose, Refusal, RestRequest, VenueEvent

DATA_TYPE = "trade"
_FILLS_PER_ANSWER = 100


class _Row(Struct):
    trade_id: TradeId = field(name="tradeId")
    price: str = field(name="px")
    size: str = field(name="sz")
    side: Side
    time_ms: Milliseconds = field(name="ts")
    count: TradeId = "1"


_decode = msgspec.json.Decoder(list[_Row]).decode


def read(instrument: Instrument, frame: Frame, receive_ns: int) -> list[VenueEvent]:
    """Understand a message of the channel."""
    return [
        observed(DATA_TYPE, instrument, partial(_trade, instrument, row, TradeIdKind.AGGREGATE, receive_ns))
        for row in _decode(frame.data)
    ]


def heal_request(instrument: Instrument, first_id: int, last_id: int) -> RestRequest:
    """Return the request for the newest missing fills: those older than the id after the hole."""
    path = (
        f"/api/v5/market/history-trades?instId={quote(instrument.name)}"
        f"&type=1&after={last_id + 1}&limit={_FILLS_PER_ANSWER}"
    )
    return RestRequest(Purpose.HEAL, DATA_TYPE, instrument, path, 1, first_id, last_id)


def locating_request(instrument: Instrument, start_us: int) -> RestRequest:
    """Return the request for the last fill before a time."""
    path = f"/api/v5/market/history-trades?instId={quote(instrument.name)}&type=2&after={start_us // 1000}&limit=1"
    return RestRequest(Purpose.HISTORY, DATA_TYPE, instrument, path, 1, last_id=2**63 - 1, end_us=start_us)


def read_history(request: RestRequest, body: bytes, receive_ns: int) -> list[VenueEvent]:
    """Understand the fills of an answer: those that were asked for, or why they cannot be used."""
    instrument = request.instrument
    assert instrument is not None, "trades are somebody's"
    data = answer(body)
    if isinstance(data, Refusal):
        return [data]
    try:
        rows = _decode(data)
    except UNREADABLE as error:
        return [Refusal("trade_malformed", f"{error}: {body[:200]!r}")]
    found = [
        observed(DATA_TYPE, instrument, partial(_trade, instrument, row, TradeIdKind.FILL, receive_ns))
        for row in rows
        if request.first_id <= int(row.trade_id) <= request.last_id
    ]
    return [event for event in found if isinstance(event, Refusal)] or found


def _trade(instrument: Instrument, row: _Row, id_kind: TradeIdKind, receive_ns: int) -> Trade:
    trade_id, count = int(row.trade_id), int(row.count)
    if not 1 <= count <= trade_id:
        raise ContractError(f"{count} fills end with trade {trade_id}", remedy="it is refused and counted")
    quantity, contracts = measure(instrument, row.size, row.price)
    timestamp_us = int(row.time_ms) * 1000
    return Trade(
        id_kind=id_kind,
        trade_id=trade_id,
        first_fill_id=trade_id - count + 1,
        last_fill_id=trade_id,
        price=row.price,
        quantity=quantity,
        side=row.side,
        timestamp_us=timestamp_us,
        event_us=timestamp_us,
        receive_ns=receive_ns,
        contracts=contracts,
    )
