"""Trades keep every value, and holes are filled with exactly the fills that were asked for."""

from typing import Any

import msgspec
import pytest

from marketprism.contract.events import Side, Trade, TradeIdKind
from marketprism.contract.instruments import Instrument
from marketprism.venues.okx import trades
from marketprism.venues.okx.markets import SPOT, instrument
from marketprism.venues.protocol import Observed, Purpose, Refusal
from tests.venues.okx.wire import BTC, BTC_INVERSE, BTC_SPOT, RECEIVE_NS, TRADE, answered, pushed


def test_an_aggregate_keeps_every_value() -> None:
    assert trades.read(BTC, pushed("trades", TRADE), RECEIVE_NS) == [
        Observed(
            "trade",
            BTC,
            Trade(
                id_kind=TradeIdKind.AGGREGATE,
                trade_id=2832749645,
                first_fill_id=2832749636,
                last_fill_id=2832749645,
                price="63913.4",
                quantity="0.3495",
                contracts="34.95",
                side=Side.SELL,
                timestamp_us=1786540436090000,
                event_us=1786540436090000,
                receive_ns=RECEIVE_NS,
            ),
        )
    ]


@pytest.mark.parametrize(
    ("about", "size", "price", "quantity", "contracts"),
    [
        (BTC_SPOT, "0.06681896", "64040.2", "0.06681896", None),
        (BTC, "0.01", "64040.2", "0.0001", "0.01"),
        (BTC_INVERSE, "5", "62500", "0.008", "5"),
    ],
)
def test_spot_counts_coins_and_swaps_count_contracts(
    about: Instrument, size: str, price: str, quantity: str, contracts: str | None
) -> None:
    trade = only(about, {**TRADE, "sz": size, "px": price})
    assert (trade.quantity, trade.contracts) == (quantity, contracts)


def test_the_side_is_the_takers() -> None:
    assert [only(BTC, {**TRADE, "side": side}).side for side in ("buy", "sell")] == [Side.BUY, Side.SELL]


def test_a_message_without_a_count_is_one_fill() -> None:
    trade = only(BTC, {key: value for key, value in TRADE.items() if key != "count"})
    assert (trade.first_fill_id, trade.last_fill_id) == (2832749645, 2832749645)


def test_a_message_may_hold_several_trades_and_one_of_them_may_be_refused() -> None:
    rows = [TRADE, {**TRADE, "px": "NaN"}, {**TRADE, "tradeId": "2832749646", "count": "1"}]
    first, refused, last = trades.read(BTC, pushed("trades", *rows), RECEIVE_NS)
    assert [event.event.trade_id for event in (first, last) if isinstance(event, Observed)] == [2832749645, 2832749646]
    assert isinstance(refused, Refusal)
    assert refused.reason == "trade_number"


@pytest.mark.parametrize(
    "wrong",
    [{"px": "1e5"}, {"px": "-1"}, {"sz": ""}, {"sz": "0.0000000000000000001"}, {"count": "0"}, {"tradeId": "9"}],
)
def test_numbers_that_make_no_trade_are_refused(wrong: dict[str, str]) -> None:
    (refusal,) = trades.read(BTC, pushed("trades", {**TRADE, **wrong}), RECEIVE_NS)
    assert isinstance(refusal, Refusal)
    assert refusal.reason == "trade_number"


def test_missing_fills_are_asked_for_by_the_id_after_the_hole() -> None:
    request = trades.heal_request(BTC, 101, 250)
    assert (request.purpose, request.data_type, request.instrument, request.weight) == (Purpose.HEAL, "trade", BTC, 1)
    assert (request.first_id, request.last_id) == (101, 250)
    assert request.path == "/api/v5/market/history-trades?instId=BTC-USDT-SWAP&type=1&after=251&limit=100"


def test_a_name_beyond_ascii_is_escaped_in_the_path() -> None:
    assert "?instId=%E5%B8%81-USDT&" in trades.heal_request(instrument(SPOT, "币-USDT"), 1, 2).path


def test_an_answer_brings_the_fills_that_were_asked_for_and_no_others() -> None:
    request = trades.heal_request(BTC, 101, 102)
    body = answered(*(fill(trade_id) for trade_id in (102, 101, 100, 99)))
    found = [event.event for event in trades.read_history(request, body, RECEIVE_NS) if isinstance(event, Observed)]
    assert [(t.id_kind, t.trade_id, t.first_fill_id, t.last_fill_id) for t in found] == [
        (TradeIdKind.FILL, 102, 102, 102),
        (TradeIdKind.FILL, 101, 101, 101),
    ]
    assert (found[0].price, found[0].quantity, found[0].contracts) == ("63913.4", "0.02", "2")


def test_an_answer_is_refused_as_a_whole_but_for_what_nobody_asked_for() -> None:
    request = trades.heal_request(BTC, 101, 102)
    bad = {**fill(101), "sz": "?"}
    (refusal,) = trades.read_history(request, answered(fill(102), bad), RECEIVE_NS)
    assert isinstance(refusal, Refusal)
    assert refusal.reason == "trade_number"
    assert len(trades.read_history(request, answered(fill(102), {**bad, "tradeId": "100"}), RECEIVE_NS)) == 1


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"code":"50011","msg":"Too Many Requests"}', "rest_limited"),
        (b'{"code":"0","data":{}}', "trade_malformed"),
        (b'{"code":"0"}', "trade_malformed"),
        (answered({**TRADE, "tradeId": "-1"}), "trade_malformed"),
        (answered({**TRADE, "side": "none"}), "trade_malformed"),
    ],
)
def test_an_answer_that_is_none_is_refused(body: bytes, reason: str) -> None:
    (refusal,) = trades.read_history(trades.heal_request(BTC, 1, 2), body, RECEIVE_NS)
    assert isinstance(refusal, Refusal)
    assert refusal.reason == reason


@pytest.mark.parametrize("wrong", [{"tradeId": 7}, {"tradeId": "1.5"}, {"ts": "-1"}, {"ts": ""}, {"side": "BUY"}])
def test_a_row_of_the_wrong_shape_does_not_decode(wrong: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        trades.read(BTC, pushed("trades", {**TRADE, **wrong}), RECEIVE_NS)


def fill(trade_id: int) -> dict[str, str]:
    return {
        "instId": BTC.name, "side": "buy", "sz": "2", "source": "0", "px": "63913.4", "tradeId": str(trade_id),
        "ts": "1786540436090",
    }  # fmt: skip


def only(about: Instrument, row: dict[str, Any]) -> Trade:
    (seen,) = trades.read(about, pushed("trades", row), RECEIVE_NS)
    assert isinstance(seen, Observed)
    assert isinstance(seen.event, Trade)
    return seen.event


def test_the_last_fill_before_a_time_tells_the_id() -> None:
    request = trades.locating_request(BTC, 1_786_540_436_090_999)
    assert request.path == ("/api/v5/market/history-trades?instId=BTC-USDT-SWAP&type=2&after=1786540436090&limit=1")
    (seen,) = trades.read_history(request, answered(fill(2832749645)), RECEIVE_NS)
    assert isinstance(seen, Observed)
    assert seen.event.trade_id == 2832749645
