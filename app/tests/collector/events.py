"""Events for tests, told apart by their number."""

from marketprism.contract.events import BookSnapshot, Side, SnapshotReason, Trade, TradeIdKind
from marketprism.contract.instruments import Exchange, Instrument, Market


def instrument(symbol: str = "BTC-USDT") -> Instrument:
    return Instrument(exchange=Exchange.BINANCE, market=Market.SPOT, symbol=symbol, name=symbol.replace("-", ""))


def trade(number: int) -> Trade:
    return Trade(
        id_kind=TradeIdKind.FILL,
        trade_id=number,
        first_fill_id=number,
        last_fill_id=number,
        price="83091.70",
        quantity="0.022",
        side=Side.BUY,
        timestamp_us=1_791_382_992_338_000 + number,
        event_us=1_791_382_992_488_000 + number,
        receive_ns=1_791_382_992_500_000_000 + number,
    )


def book(number: int, levels: int = 100) -> BookSnapshot:
    side = [("83091.70", "4.21500000")] * levels
    return BookSnapshot(
        update_id=number,
        timestamp_us=1_791_382_992_338_000,
        receive_ns=1_791_382_992_500_000_000,
        reason=SnapshotReason.INTERVAL,
        bids=side,
        asks=side,
    )
