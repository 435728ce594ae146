"""Every frame goes to its channel or comes back refused; nothing a peer sends raises."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketprism.contract.books import BookDelta, BookImage
from marketprism.contract.events import Trade, TradeIdKind
from marketprism.contract.venues import VENUES
from marketprism.venues.okx.adapter import Okx
from marketprism.venues.okx.markets import SPOT, SWAP
from marketprism.venues.protocol import SECOND_NS, Notice, Observed, Refusal, Send, Venue
from tests.venues.okx.wire import (
    BTC,
    BTC_INVERSE,
    BTC_SPOT,
    DOGE,
    FUNDING,
    OPEN_INTEREST,
    RECEIVE_NS,
    SNAPSHOT,
    TRADE,
    UPDATE,
    answered,
    liquidation,
    push,
)

TYPES = VENUES["okx-swap"].data_types
FRAMES = [
    push("trades", TRADE),
    push("books", SNAPSHOT, action="snapshot"),
    push("books", UPDATE, action="update"),
    push("funding-rate", FUNDING),
    push("open-interest", OPEN_INTEREST),
    push("liquidation-orders", liquidation("BTC-USDT-SWAP", {}), about="SWAP"),
    b'{"event":"subscribe","arg":{"channel":"books","instId":"BTC-USDT-SWAP"},"connId":"a4d3ae55"}',
]


@pytest.fixture
def swap() -> Okx:
    return Okx(SWAP, [BTC, BTC_INVERSE], TYPES)


def test_both_markets_are_venues_whose_books_come_in_the_stream(swap: Okx) -> None:
    venue: Venue = swap
    assert venue.books_in_band
    assert venue.weight_per_minute == 600
    assert venue.instruments() == {"BTC-USDT-SWAP": BTC, "BTC-USD-SWAP": BTC_INVERSE}
    assert Okx(SPOT, [BTC_SPOT], VENUES["okx-spot"].data_types).feeds() == [
        ("trade", BTC_SPOT),
        ("orderbook", BTC_SPOT),
        ("orderbook_delta", BTC_SPOT),
    ]


@pytest.mark.parametrize(
    ("frame", "kind"),
    [
        *zip(
            FRAMES, ["trade", BookImage, BookDelta, "funding_rate", "open_interest", "liquidation", Notice], strict=True
        )
    ],
)
def test_each_channel_brings_its_kind(swap: Okx, frame: bytes, kind: type | str) -> None:
    (event,) = swap.feed(frame, RECEIVE_NS)
    if isinstance(event, Observed):
        assert (event.data_type, event.instrument) == (kind, BTC)
    else:
        assert type(event) is kind


def test_an_answer_to_the_ping_is_nothing_to_speak_of(swap: Okx) -> None:
    assert swap.feed(b"pong", RECEIVE_NS) == []


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (b"", "frame_malformed"),
        (b"\xff\xfe", "frame_malformed"),
        (b"[]", "frame_malformed"),
        (b"ping", "frame_malformed"),
        (b'{"event":"\xff"}', "frame_malformed"),
        (b'{"arg":{"channel":"trades","instId":"BTC-USDT-SWAP"},"data":' + b"[" * 100_000, "frame_malformed"),
        (b'{"arg":{"channel":7}}', "frame_malformed"),
        (b'{"data":[]}', "frame_unrecognised"),
        (push("tickers", {}), "channel_unsupported"),
        (push("trades", TRADE, about=DOGE), "symbol_unknown"),
        (push("trades", {**TRADE, "tradeId": "-1"}), "trade_malformed"),
        (push("trades", {**TRADE, "px": float("nan")}), "frame_malformed"),
        (push("trades", {**TRADE, "px": 63913.4}), "trade_malformed"),
        (push("trades", {**TRADE, "px": "NaN"}), "trade_number"),
        (b'{"arg":{"channel":"trades","instId":"BTC-USDT-SWAP"}}', "trade_malformed"),
        (b'{"arg":{"channel":"trades","instId":"BTC-USDT-SWAP"},"data":[{"px":"\xff"}]}', "trade_malformed"),
        (push("books", {**UPDATE, "seqId": 10**4000}, action="update"), "orderbook_malformed"),
        (push("books", UPDATE), "orderbook_malformed"),
        (push("funding-rate", {}), "funding_rate_malformed"),
        (push("open-interest", 7), "open_interest_malformed"),
        (push("liquidation-orders", {"instId": "BTC-USDT-SWAP"}, about="SWAP"), "liquidation_malformed"),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_reason(swap: Okx, frame: bytes, reason: str) -> None:
    (refusal,) = swap.feed(frame, RECEIVE_NS)
    assert isinstance(refusal, Refusal)
    assert refusal.reason == reason
    assert len(refusal.detail) < 1000


def test_a_channel_that_is_not_wanted_is_refused() -> None:
    (refusal,) = Okx(SWAP, [BTC], ("trade",)).feed(FRAMES[1], RECEIVE_NS)
    assert refusal == Refusal("channel_unsupported", "books BTC-USDT-SWAP")


def test_a_book_is_asked_for_on_the_connection_that_brings_it(swap: Okx) -> None:
    unsubscribe, subscribe = swap.book_request(BTC)
    assert isinstance(unsubscribe, Send)
    assert isinstance(subscribe, Send)
    assert (unsubscribe.connection, subscribe.connection) == ("public-1", "public-1")
    assert [json.loads(send.message)["op"] for send in (unsubscribe, subscribe)] == ["unsubscribe", "subscribe"]


def test_trades_are_chained_by_the_fills_they_cover(swap: Okx) -> None:
    (seen,) = swap.feed(FRAMES[0], RECEIVE_NS)
    assert isinstance(seen, Observed)
    assert isinstance(seen.event, Trade)
    assert swap.chain(seen.event) == (2832749636, 2832749645)


def test_answers_go_to_what_asked(swap: Okx) -> None:
    heal = swap.heal_request(BTC, 2832749645, 2832749645)
    assert heal is not None
    (fill,) = swap.read(heal, answered({key: value for key, value in TRADE.items() if key != "count"}), RECEIVE_NS)
    assert isinstance(fill, Observed)
    assert fill.event.id_kind is TradeIdKind.FILL
    polls = swap.polls()
    assert [(poll.request.data_type, poll.request.instrument) for poll in polls] == [
        ("lsr_top_position", BTC),
        ("lsr_top_position", BTC_INVERSE),
        ("lsr_all_account", BTC),
        ("lsr_all_account", BTC_INVERSE),
    ]
    (bar,) = swap.read(polls[3].request, answered(["1701417900000", "2"], ["1701417600000", "1"]), RECEIVE_NS)
    assert isinstance(bar, Observed)
    assert (bar.data_type, bar.instrument, bar.event.ratio) == ("lsr_all_account", BTC_INVERSE, "1")
    assert polls[0].interval_ns == 60 * SECOND_NS


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(["", "-1", "1e9"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(st.sampled_from(FRAMES), st.binary(max_size=200), st.integers(0, 500))
def test_mutated_bytes_never_raise(frame: bytes, noise: bytes, cut: int) -> None:
    swap = Okx(SWAP, [BTC], TYPES)
    for mutated in (noise, frame[:cut], frame[:cut] + noise, frame[:cut] + noise[:3] + frame[cut + 3 :]):
        assert isinstance(swap.feed(mutated, RECEIVE_NS), list)


@given(st.sampled_from(FRAMES), JSON, st.data())
def test_mutated_values_never_raise(frame: bytes, value: object, data: st.DataObject) -> None:
    mutated = replaced(json.loads(frame), value, data)
    assert isinstance(Okx(SWAP, [BTC], TYPES).feed(json.dumps(mutated).encode(), RECEIVE_NS), list)


@given(JSON)
def test_mutated_answers_never_raise(value: object) -> None:
    swap = Okx(SWAP, [BTC], TYPES)
    heal = swap.heal_request(BTC, 0, 2**62)
    assert heal is not None
    for request in (heal, swap.polls()[0].request):
        for body in (
            json.dumps(value).encode(),
            answered(value),
            answered({**TRADE, "px": value}),
            answered([value] * 2),
        ):
            assert isinstance(swap.read(request, body, RECEIVE_NS), list)


def replaced(node: Any, value: object, data: st.DataObject) -> Any:
    """Put a value in the place of any part of a JSON document."""
    if not isinstance(node, dict | list) or not node or data.draw(st.integers(0, 4)) == 0:
        return value
    key = data.draw(st.sampled_from(sorted(node) if isinstance(node, dict) else range(len(node))))
    copy = node.copy()
    copy[key] = replaced(node[key], value, data)
    return copy


def test_there_is_a_past_of_trades_rates_and_ratios() -> None:
    okx = Okx(SWAP, [BTC], VENUES["okx-swap"].data_types)
    found = {name: okx.history_request(name, BTC, 1_000, 9_000) for name in VENUES["okx-swap"].data_types}
    assert {name for name, request in found.items() if request} == {
        "trade", "funding_rate", "lsr_top_position", "lsr_all_account"
    }  # fmt: skip
    assert found["funding_rate"] is not None
    row = {"realizedRate": "0.0001", "fundingTime": "1785888000000"}
    (seen,) = okx.read(found["funding_rate"], answered(row), RECEIVE_NS)
    assert isinstance(seen, Observed)
    assert (seen.data_type, seen.event.rate) == ("funding_rate", "0.0001")
