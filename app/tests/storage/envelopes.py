"""Events and messages for tests of storage."""

import msgspec

from marketprism.contract import wire
from marketprism.contract.catalog import subject
from marketprism.contract.events import (
    BookChange,
    BookSnapshot,
    Envelope,
    Event,
    FundingRate,
    Gap,
    Liquidation,
    LongShortRatio,
    OpenInterest,
    Side,
    SnapshotReason,
    Trade,
    TradeIdKind,
    VolatilityIndex,
)
from marketprism.contract.instruments import Exchange, Instrument, Market, Source
from marketprism.storage.consumer import Message

BTC = Instrument(exchange=Exchange.BINANCE, market=Market.SPOT, symbol="BTC-USDT", name="BTCUSDT")
NOON_US = 1_767_268_800_000_000
"""2026-01-01 12:00:00 UTC."""


def trade(trade_id: int = 1, **changes: object) -> Trade:
    made = Trade(
        id_kind=TradeIdKind.FILL,
        trade_id=trade_id,
        first_fill_id=trade_id,
        last_fill_id=trade_id,
        price="1.5",
        quantity="2",
        side=Side.BUY if trade_id % 2 else Side.SELL,
        timestamp_us=NOON_US,
        event_us=NOON_US + 3,
        receive_ns=NOON_US * 1000 + 5_000_000,
    )
    return msgspec.structs.replace(made, **changes)


def book(update_id: int = 1, **changes: object) -> BookSnapshot:
    made = BookSnapshot(
        update_id=update_id,
        timestamp_us=NOON_US,
        receive_ns=NOON_US * 1000 + 5_000_000,
        reason=SnapshotReason.INTERVAL,
        bids=[("99.50", "1.25"), ("99", "3")],
        asks=[("100.5", "0.001")],
    )
    return msgspec.structs.replace(made, **changes)


_TIMES = {"timestamp_us": NOON_US, "receive_ns": NOON_US * 1000 + 5_000_000}
_RATIO = LongShortRatio(period="5m", ratio="1.5", long_share="0.6", short_share="0.4", **_TIMES)
SAMPLES: dict[str, Event] = {
    "trade": trade(),
    "orderbook": book(),
    "orderbook_delta": BookChange(
        first_update_id=7, last_update_id=9, bids=[("99.50", "0")], asks=[("100.5", "2")], **_TIMES
    ),
    "funding_rate": FundingRate(
        rate="-0.0004270396398519",
        funding_us=NOON_US + 3_600_000_000,
        interval_seconds=28_800,
        mark_price="64000.5",
        index_price=None,
        **_TIMES,
    ),
    "open_interest": OpenInterest(quantity="95744.938", contracts="9574493.8", **_TIMES),
    "liquidation": Liquidation(side=Side.SELL, price="9910", quantity="0.0140", contracts=None, ordinal=1, **_TIMES),
    "lsr_top_position": _RATIO,
    "lsr_all_account": _RATIO,
    "volatility_index": VolatilityIndex(value="129.36", **_TIMES),
    "gap": Gap(data_type="trade", after_id=5, before_id=9, size=3, **_TIMES),
}
"""One event of every data type."""


def envelope(*events: Event, data_type: str = "trade", symbol: str = "BTC-USDT") -> Envelope[Event]:
    return Envelope(
        type=data_type,
        source=Source.SIMULATED,
        exchange=BTC.exchange,
        market=BTC.market,
        symbol=symbol,
        instrument="BTCUSDT",
        events=list(events),
    )


def message(
    sequence: int,
    *events: Event,
    data_type: str = "trade",
    payload: bytes | None = None,
    source: Source = Source.SIMULATED,
    on: str | None = None,
) -> Message:
    """Make the delivery of one message."""
    body = wire.encode(data_type, source, BTC, events) if payload is None else payload
    name = subject(data_type, BTC) if on is None else on
    return Message(name, body, sequence, sequence, 1, 0, f"$JS.ACK.MARKET_DATA.storage-hot.1.{sequence}.{sequence}.0.0")
