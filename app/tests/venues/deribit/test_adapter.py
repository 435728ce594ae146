"""Frames of Deribit become the right values, or a refusal with its reason; nothing a peer sends raises."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketprism.contract.books import BookDelta, BookImage
from marketprism.contract.events import Trade
from marketprism.contract.venues import VENUES, feeds, market_of
from marketprism.venues.deribit.adapter import Deribit
from marketprism.venues.deribit.instruments import perpetual, volatility_index
from marketprism.venues.protocol import Notice, NoticeKind, Observed, Purpose, Refusal, RestRequest, Send, Venue
from tests.venues.deribit.frames import (
    BTC,
    BTC_USDC,
    RECEIVE_NS,
    book,
    notification,
    ticker,
    trade,
    volatility,
)

TYPES = VENUES["deribit"].data_types
TRADE = notification("trades.BTC-PERPETUAL.100ms", f"[{trade()}]")
BOOK = notification("book.BTC-PERPETUAL.100ms", book(9, 5, bids='["change",63324.5,10]', asks='["delete",63325,0]'))
TICKER = notification("ticker.BTC-PERPETUAL.100ms", ticker())
VOLATILITY = notification("deribit_volatility_index.btc_usd", volatility())


@pytest.fixture
def deribit() -> Deribit:
    return Deribit([BTC, BTC_USDC], TYPES)


def test_it_is_a_venue(deribit: Deribit) -> None:
    venue: Venue = deribit
    assert venue.books_in_band
    assert venue.polls() == []
    assert venue.instruments() == {"BTC-PERPETUAL": BTC, "BTC_USDC-PERPETUAL": BTC_USDC}


def test_every_frame_reaches_its_reader(deribit: Deribit) -> None:
    (seen,) = deribit.feed(TRADE, RECEIVE_NS)
    assert isinstance(seen, Observed)
    assert isinstance(seen.event, Trade)
    assert (seen.instrument, seen.event.trade_id, seen.event.receive_ns) == (BTC, 296152987, RECEIVE_NS)
    (delta,) = deribit.feed(BOOK, RECEIVE_NS)
    assert isinstance(delta, BookDelta)
    assert (delta.instrument, delta.last_id, delta.prev_id) == (BTC, 9, 5)
    assert [e.data_type for e in deribit.feed(TICKER, 1) if isinstance(e, Observed)] == [
        "funding_rate",
        "open_interest",
    ]
    (index,) = deribit.feed(VOLATILITY, 1)
    assert isinstance(index, Observed)
    assert (index.data_type, index.instrument) == ("volatility_index", volatility_index(BTC))


def test_the_interval_of_a_channel_does_not_matter_to_its_reader(deribit: Deribit) -> None:
    (image,) = deribit.feed(notification("book.BTC_USDC-PERPETUAL.raw", book(5)), RECEIVE_NS)
    assert isinstance(image, BookImage)
    assert image.instrument == BTC_USDC


def test_one_connection_carries_fifty_instruments() -> None:
    (connection,) = Deribit([BTC], TYPES).connections()
    assert (connection.path, connection.books) == ("/ws/api/v2", ("BTC-PERPETUAL",))
    assert connection.max_messages_per_second == 6
    instruments = [perpetual(f"C{number}-USDC") for number in range(120)]
    connections = Deribit(instruments, ("trade", "orderbook", "funding_rate")).connections()
    assert len({connection.name for connection in connections}) == 3
    asked = [json.loads(connection.subscribe[1]) for connection in connections]
    assert [len(request["params"]["channels"]) for request in asked] == [150, 150, 60]
    assert len({request["id"] for request in asked}) == 3
    assert [name for connection in connections for name in connection.books] == [each.name for each in instruments]
    assert sum(connection.max_messages_per_second for connection in connections) == 6


def test_nothing_wanted_opens_nothing() -> None:
    assert Deribit([], TYPES).connections() == []
    assert Deribit([BTC], ("lsr_top_position",)).connections() == []


def test_the_feeds_are_those_of_the_contract(deribit: Deribit) -> None:
    ours = [(name, each.market, each.symbol) for name, each in deribit.feeds() if name != "liquidation"]
    assert market_of("deribit", "BTC-USD") is BTC.market
    assert sorted(ours) == sorted(feeds("deribit", ["BTC-USD", "BTC-USDC"], TYPES))
    assert ("liquidation", BTC) in deribit.feeds()


def test_a_whole_book_comes_after_subscribing_again_on_its_own_connection() -> None:
    instruments = [perpetual(f"C{number}-USDC") for number in range(200)]
    deribit = Deribit(instruments, ("orderbook",))
    sends = deribit.book_request(instruments[160])
    assert all(isinstance(send, Send) and send.connection == deribit.connections()[1].name for send in sends)
    calls = [json.loads(send.message) for send in sends if isinstance(send, Send)]
    assert [call["method"] for call in calls] == ["public/unsubscribe", "public/subscribe"]
    assert {tuple(call["params"]["channels"]) for call in calls} == {("book.C160_USDC-PERPETUAL.100ms",)}


def test_a_test_request_is_answered_and_a_heartbeat_says_nothing(deribit: Deribit) -> None:
    (answer,) = deribit.feed(b'{"jsonrpc":"2.0","method":"heartbeat","params":{"type":"test_request"}}', 1)
    assert isinstance(answer, Send)
    assert (answer.connection, json.loads(answer.message)["method"]) == ("", "public/test")
    assert deribit.feed(b'{"jsonrpc":"2.0","method":"heartbeat","params":{"type":"heartbeat"}}', 1) == []


def test_what_the_venue_says_about_the_connection_is_a_notice(deribit: Deribit) -> None:
    asked = json.loads(deribit.connections()[0].subscribe[1])
    answer = {"jsonrpc": "2.0", "id": asked["id"], "result": asked["params"]["channels"][1:], "usIn": "1"}
    acknowledged, error = deribit.feed(json.dumps(answer).encode(), 1)
    assert acknowledged == Notice(NoticeKind.ACKNOWLEDGED, "6 channels")
    assert error == Notice(NoticeKind.ERROR, "not subscribed: trades.BTC-PERPETUAL.100ms")
    (limited,) = deribit.feed(b'{"jsonrpc":"2.0","error":{"code":10028,"message":"too_many_requests"}}', 1)
    assert limited == Notice(NoticeKind.ERROR, "10028 too_many_requests")


def test_missing_trades_are_asked_for_a_thousand_at_a_time(deribit: Deribit) -> None:
    request = deribit.heal_request(BTC, 1001, 5000)
    assert request == RestRequest(
        Purpose.HEAL,
        "trade",
        BTC,
        "/api/v2/public/get_last_trades_by_instrument?instrument_name=BTC-PERPETUAL&start_seq=1001&end_seq=2000"
        "&count=1000&sorting=asc",
        500,
        1001,
        2000,
    )
    short = deribit.heal_request(BTC, 7, 7)
    assert short is not None
    assert (short.first_id, short.last_id) == (7, 7)


def test_the_answer_holds_trades_and_their_liquidations(deribit: Deribit) -> None:
    request = deribit.heal_request(BTC, 7, 8)
    assert request is not None
    liquidated = trade(8, more=',"liquidation":"M"')
    body = f'{{"jsonrpc":"2.0","result":{{"trades":[{trade(7)},{liquidated}],"has_more":false}}}}'.encode()
    found = [each for each in deribit.read(request, body, 5) if isinstance(each, Observed)]
    assert [each.data_type for each in found] == ["trade", "trade", "liquidation"]
    assert [deribit.chain(each.event) for each in found if isinstance(each.event, Trade)] == [(7, 7), (8, 8)]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"<html>", "answer_malformed"),
        (b'{"error":{"code":10028,"message":"too_many_requests"}}', "answer_malformed"),
        (b'{"result":{"trades":{}}}', "trades_malformed"),
        (b'{"result":{"trades":' + b"[" * 100_000, "answer_malformed"),
    ],
)
def test_an_answer_without_trades_is_refused(deribit: Deribit, body: bytes, reason: str) -> None:
    request = deribit.heal_request(BTC, 7, 8)
    assert request is not None
    (refusal,) = deribit.read(request, body, 5)
    assert isinstance(refusal, Refusal)
    assert refusal.reason == reason


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (b"", "frame_malformed"),
        (b"\xff\xfe", "frame_malformed"),
        (b"[]", "frame_malformed"),
        (b'{"method":"\xff"}', "frame_malformed"),
        (b'{"method":5}', "frame_malformed"),
        (b'{"id":[]}', "frame_malformed"),
        (b'{"params":{"data":' + b"[" * 100_000, "frame_malformed"),
        (TRADE.replace(b"63344.5", b"NaN"), "frame_malformed"),
        (TRADE.replace(b"63344.5", b"Infinity"), "frame_malformed"),
        (b"{}", "frame_unrecognised"),
        (b'{"jsonrpc":"2.0","method":"other","params":{}}', "frame_unrecognised"),
        (b'{"method":"subscription"}', "channel_unknown"),
        (notification("quote.BTC-PERPETUAL", "{}"), "channel_unknown"),
        (notification("book.DOGE-PERPETUAL.100ms", book(5)), "channel_unknown"),
        (notification("book.BTC-PERPETUAL.none.20.100ms", book(5)), "channel_unknown"),
        (TRADE.replace(b"63344.5", b"1e400"), "trades_number"),
        (TRADE.replace(b"63344.5", b"9" * 100_000), "trades_number"),
        (TRADE.replace(b"296152987", b"1.5"), "trades_malformed"),
        (TRADE.replace(b"296152987", b"9" * 100_000), "trades_malformed"),
        (BOOK.replace(b"63324.5", b"0"), "book_number"),
        (BOOK.replace(b'"change_id"', b'"id"'), "book_malformed"),
        (notification("book.BTC-PERPETUAL.100ms", "null"), "book_malformed"),
        (b'{"method":"subscription","params":{"channel":"book.BTC-PERPETUAL.100ms"}}', "book_malformed"),
        (TICKER.replace(b"2.081e-05", b"[[]]"), "ticker_number"),
        (TICKER.replace(b'"timestamp"', b'"time"'), "ticker_malformed"),
        (VOLATILITY.replace(b"43.52", b'"43.52"'), "deribit_volatility_index_number"),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_reason(deribit: Deribit, frame: bytes, reason: str) -> None:
    (refusal,) = deribit.feed(frame, RECEIVE_NS)
    assert isinstance(refusal, Refusal)
    assert refusal.reason == reason
    assert len(refusal.detail) < 2000


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(
    st.sampled_from([TRADE, BOOK, TICKER, VOLATILITY]), st.integers(0, 400), st.binary(max_size=8), st.integers(0, 8)
)
def test_mutated_frames_never_raise(frame: bytes, cut: int, noise: bytes, overwritten: int) -> None:
    deribit = Deribit([BTC], TYPES)
    for mutated in (noise, frame[:cut], frame[:cut] + noise, frame[:cut] + noise + frame[cut + overwritten :]):
        assert isinstance(deribit.feed(mutated, RECEIVE_NS), list)


@given(st.sampled_from([TRADE, BOOK, TICKER, VOLATILITY]), st.data())
def test_frames_with_foreign_values_never_raise(frame: bytes, data: st.DataObject) -> None:
    message: dict[str, Any] = json.loads(frame)
    inner = message["params"]["data"]
    target = data.draw(st.sampled_from([message, message["params"], inner[0] if isinstance(inner, list) else inner]))
    target[data.draw(st.sampled_from(sorted(target)))] = data.draw(VALUES)
    assert isinstance(Deribit([BTC], TYPES).feed(json.dumps(message).encode(), RECEIVE_NS), list)
