"""Frames of Binance become the right values, or a refusal with its reason; nothing a peer sends raises."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketprism.contract.books import BookDelta, BookImage, BookTop
from marketprism.contract.events import Side, TradeIdKind
from marketprism.venues.binance.adapter import Binance
from marketprism.venues.binance.markets import SPOT, USDM
from marketprism.venues.protocol import Notice, Observed, Refusal, RestRequest

TYPES = ("trade", "orderbook")
RECEIVE_NS = 1_672_515_782_140_123_456
FILL = {
    "e": "trade", "E": 1672515782137, "s": "BTCUSDT", "t": 12345, "p": "0.001", "q": "100", "T": 1672515782136,
    "m": True,
}  # fmt: skip
AGGREGATE = {
    "e": "aggTrade", "E": 1791382992488, "a": 3477868433, "s": "BTCUSDT", "p": "83091.70", "q": "0.022", "nq": "0.022",
    "f": 8153634393, "l": 8153634394, "T": 1791382992338, "m": False, "st": 1,
}  # fmt: skip
DEPTH = {"e": "depthUpdate", "E": 1672515782136, "s": "BTCUSDT", "U": 157, "u": 160, "b": [["0.0024", "10"]], "a": []}
TICKER = {"u": 160, "s": "BTCUSDT", "b": "0.0024", "B": "10", "a": "0.0026", "A": "100"}


def wrapped(stream: str, data: dict[str, Any]) -> bytes:
    return json.dumps({"stream": stream, "data": data}).encode()


@pytest.fixture
def spot() -> Binance:
    return Binance(SPOT, ["BTC-USDT"], TYPES)


@pytest.fixture
def usdm() -> Binance:
    return Binance(USDM, ["BTC-USDT", "ETH-USDT"], TYPES)


@pytest.mark.parametrize("frame", [wrapped("btcusdt@trade", FILL), json.dumps(FILL).encode()])
def test_a_fill_keeps_every_value(spot: Binance, frame: bytes) -> None:
    (seen,) = spot.feed(frame, RECEIVE_NS)
    assert isinstance(seen, Observed)
    trade = seen.event
    assert seen.instrument.symbol == "BTC-USDT"
    assert (trade.id_kind, trade.trade_id, trade.first_fill_id, trade.last_fill_id) == (
        TradeIdKind.FILL,
        12345,
        12345,
        12345,
    )
    assert (trade.price, trade.quantity) == ("0.001", "100")
    assert (trade.timestamp_us, trade.event_us) == (1672515782136000, 1672515782137000)
    assert trade.receive_ns == RECEIVE_NS


def test_a_buyer_that_was_the_maker_means_that_the_aggressor_sold(spot: Binance) -> None:
    for maker, side in ((True, Side.SELL), (False, Side.BUY)):
        (seen,) = spot.feed(wrapped("btcusdt@trade", {**FILL, "m": maker}), RECEIVE_NS)
        assert isinstance(seen, Observed)
        assert seen.event.side is side


def test_an_aggregate_names_the_fills_it_covers(usdm: Binance) -> None:
    (seen,) = usdm.feed(wrapped("btcusdt@aggTrade", AGGREGATE), RECEIVE_NS)
    assert isinstance(seen, Observed)
    trade = seen.event
    assert (trade.id_kind, trade.trade_id) == (TradeIdKind.AGGREGATE, 3477868433)
    assert (trade.first_fill_id, trade.last_fill_id) == (8153634393, 8153634394)
    assert (trade.price, trade.side) == ("83091.70", Side.BUY)


def test_spot_depth_has_no_previous_id_and_uses_the_event_time(spot: Binance) -> None:
    (delta,) = spot.feed(wrapped("btcusdt@depth@100ms", DEPTH), RECEIVE_NS)
    assert isinstance(delta, BookDelta)
    assert (delta.first_id, delta.last_id, delta.prev_id) == (157, 160, None)
    assert delta.timestamp_us == 1672515782136000
    assert (delta.bids, delta.asks) == ([("0.0024", "10")], [])


def test_futures_depth_links_to_the_previous_id_and_uses_the_transaction_time(usdm: Binance) -> None:
    (delta,) = usdm.feed(wrapped("btcusdt@depth@100ms", {**DEPTH, "T": 1672515782130, "pu": 149}), RECEIVE_NS)
    assert isinstance(delta, BookDelta)
    assert (delta.prev_id, delta.timestamp_us) == (149, 1672515782130000)


def test_a_book_ticker_is_a_witness(spot: Binance) -> None:
    (top,) = spot.feed(wrapped("btcusdt@bookTicker", TICKER), RECEIVE_NS)
    assert isinstance(top, BookTop)
    assert (top.update_id, top.bid, top.ask) == (160, ("0.0024", "10"), ("0.0026", "100"))


def test_a_snapshot_is_read(spot: Binance) -> None:
    (wanted,) = spot.instruments().values()
    body = b'{"lastUpdateId":1027024,"bids":[["4.00000000","431.00000000"]],"asks":[["4.00000200","12.00000000"]]}'
    (request,) = spot.book_request(wanted)
    assert isinstance(request, RestRequest)
    assert spot.read(request, body, 7) == [
        BookImage(wanted, 1027024, 7, [("4.00000000", "431.00000000")], [("4.00000200", "12.00000000")])
    ]


def test_futures_split_books_and_trades_over_two_routes(usdm: Binance) -> None:
    """An unrouted or wrong route is acknowledged and stays silent."""
    public, market = usdm.connections()
    assert public.path == (
        "/public/stream?streams=btcusdt@depth@100ms/btcusdt@bookTicker/ethusdt@depth@100ms/ethusdt@bookTicker"
    )
    assert public.books == ("BTCUSDT", "ETHUSDT")
    assert market.path == "/market/stream?streams=btcusdt@aggTrade/ethusdt@aggTrade"
    assert market.books == ()


def test_a_route_without_a_wanted_type_is_not_opened() -> None:
    assert [c.name for c in Binance(USDM, ["BTC-USDT"], ("trade",)).connections()] == ["market"]


def test_the_snapshot_request_knows_its_weight(spot: Binance, usdm: Binance) -> None:
    (wanted,) = spot.instruments().values()
    (request,) = spot.book_request(wanted)
    assert isinstance(request, RestRequest)
    assert (request.path, request.weight) == ("/api/v3/depth?symbol=BTCUSDT&limit=5000", 250)
    (futures,) = usdm.book_request(wanted)
    assert isinstance(futures, RestRequest)
    assert futures.path == "/fapi/v1/depth?symbol=BTCUSDT&limit=1000"


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (b"", "frame_malformed"),
        (b"\xff\xfe", "frame_malformed"),
        (b"[]", "frame_malformed"),
        (b'{"e":"\xff"}', "frame_malformed"),
        (b'{"stream":"btcusdt@trade","data":' + b"[" * 100_000, "frame_malformed"),
        (b'{"a":1}', "frame_unrecognised"),
        (wrapped("btcusdt@kline_1m", {}), "stream_unsupported"),
        (wrapped("btcusdt@trade", {**FILL, "s": "DOGEUSDT"}), "symbol_unknown"),
        (wrapped("btcusdt@trade", {**FILL, "p": "1e-5"}), "trade_number"),
        (wrapped("btcusdt@trade", {**FILL, "q": "0.0000000000000000001"}), "trade_number"),
        (wrapped("btcusdt@trade", {**FILL, "p": 0.001}), "trade_malformed"),
        (wrapped("btcusdt@trade", {**FILL, "t": -1}), "trade_negative"),
        (wrapped("btcusdt@trade", {k: v for k, v in FILL.items() if k != "T"}), "trade_malformed"),
        (wrapped("btcusdt@depth@100ms", {**DEPTH, "b": [["1", "NaN"]]}), "depth_number"),
        (wrapped("btcusdt@depth@100ms", {**DEPTH, "b": [["1:1;1", "1"]]}), "depth_number"),
        (wrapped("btcusdt@depth@100ms", {**DEPTH, "b": [["1"]]}), "depth_malformed"),
        (wrapped("btcusdt@bookTicker", {**TICKER, "b": ""}), "bookTicker_number"),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_reason(spot: Binance, frame: bytes, reason: str) -> None:
    (refusal,) = spot.feed(frame, RECEIVE_NS)
    assert isinstance(refusal, Refusal)
    assert refusal.reason == reason


@pytest.mark.parametrize(
    ("frame", "kind"),
    [
        (b'{"result":null,"id":1}', "acknowledged"),
        (b'{"code":2,"msg":"Invalid request","id":1}', "error"),
        (b'{"error":{"code":4,"msg":"Too many subscriptions"}}', "error"),
        (b'{"e":"serverShutdown","E":1770123456789}', "ending"),
        (b'{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1770123456789}}', "ending"),
    ],
)
def test_what_the_venue_says_about_the_connection_is_a_notice(spot: Binance, frame: bytes, kind: str) -> None:
    (notice,) = spot.feed(frame, RECEIVE_NS)
    assert isinstance(notice, Notice)
    assert notice.kind == kind


@given(st.binary(max_size=200), st.integers(0, 200), st.sampled_from([FILL, DEPTH, TICKER]))
def test_mutated_frames_never_raise(noise: bytes, cut: int, message: dict[str, Any]) -> None:
    spot = Binance(SPOT, ["BTC-USDT"], TYPES)
    frame = wrapped("btcusdt@trade", message)
    for mutated in (noise, frame[:cut], frame[:cut] + noise, frame[:cut] + noise[:3] + frame[cut + 3 :]):
        assert len(spot.feed(mutated, RECEIVE_NS)) == 1
