"""Trades keep every value, from the stream and from REST."""

from typing import Any

import pytest

from marketprism.contract.events import Side, Trade, TradeIdKind
from marketprism.venues.binance import trades
from marketprism.venues.protocol import Observed, Refusal
from tests.venues.binance.samples import AGGREGATE, BTC, FILL, INSTRUMENTS, RECEIVE_NS, SPOT_BTC, packed

FILL_ROW = {
    "id": 28457, "price": "4.00000100", "qty": "12.00000000", "quoteQty": "48.000012", "time": 1499865549590,
    "isBuyerMaker": True, "isBestMatch": True,
}  # fmt: skip
AGGREGATE_ROW = {
    "a": 26129,
    "p": "0.01633102",
    "q": "4.70443515",
    "f": 27781,
    "l": 27783,
    "T": 1498793709153,
    "m": False,
}


def test_a_fill_keeps_every_value() -> None:
    assert trades.FILLS.feed(packed(FILL), {"BTCUSDT": SPOT_BTC}, RECEIVE_NS) == [
        Observed(
            "trade",
            SPOT_BTC,
            Trade(
                id_kind=TradeIdKind.FILL,
                trade_id=12345,
                first_fill_id=12345,
                last_fill_id=12345,
                price="0.001",
                quantity="100",
                side=Side.SELL,
                timestamp_us=1672515782136000,
                event_us=1672515782137000,
                receive_ns=RECEIVE_NS,
            ),
        )
    ]


def test_an_aggregate_names_the_fills_it_covers() -> None:
    assert trades.AGGREGATES.feed(packed(AGGREGATE), INSTRUMENTS, RECEIVE_NS) == [
        Observed(
            "trade",
            BTC,
            Trade(
                id_kind=TradeIdKind.AGGREGATE,
                trade_id=3477868433,
                first_fill_id=8153634393,
                last_fill_id=8153634394,
                price="83091.70",
                quantity="0.022",
                side=Side.BUY,
                timestamp_us=1791382992338000,
                event_us=1791382992488000,
                receive_ns=RECEIVE_NS,
            ),
        )
    ]


def test_a_fill_of_rest_takes_the_time_of_the_trade_for_the_message() -> None:
    first, second = trades.read_fills(packed([FILL_ROW, {**FILL_ROW, "id": 28458, "isBuyerMaker": False}]), SPOT_BTC, 7)
    assert isinstance(first, Observed)
    assert isinstance(second, Observed)
    assert first.event == Trade(
        id_kind=TradeIdKind.FILL,
        trade_id=28457,
        first_fill_id=28457,
        last_fill_id=28457,
        price="4.00000100",
        quantity="12.00000000",
        side=Side.SELL,
        timestamp_us=1499865549590000,
        event_us=1499865549590000,
        receive_ns=7,
    )
    assert (second.event.trade_id, second.event.side) == (28458, Side.BUY)


def test_an_aggregate_of_rest_likewise() -> None:
    assert trades.read_aggregates(packed([AGGREGATE_ROW]), BTC, 7) == [
        Observed(
            "trade",
            BTC,
            Trade(
                id_kind=TradeIdKind.AGGREGATE,
                trade_id=26129,
                first_fill_id=27781,
                last_fill_id=27783,
                price="0.01633102",
                quantity="4.70443515",
                side=Side.BUY,
                timestamp_us=1498793709153000,
                event_us=1498793709153000,
                receive_ns=7,
            ),
        )
    ]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"p": "1e-5"}, "trade_number"),
        ({"q": "0.0000000000000000001"}, "trade_number"),
        ({"q": "NaN"}, "trade_number"),
        ({"p": 0.001}, "trade_malformed"),
        ({"t": -1}, "trade_malformed"),
        ({"t": 2**63}, "trade_malformed"),
        ({"T": 1672515782136000}, "trade_malformed"),
        ({"m": "true"}, "trade_malformed"),
    ],
)
def test_a_trade_that_cannot_be_stored_exactly_is_refused(change: dict[str, Any], reason: str) -> None:
    (refusal,) = trades.FILLS.feed(packed({**FILL, **change}), INSTRUMENTS, 7)
    assert isinstance(refusal, Refusal)
    assert refusal.reason == reason
