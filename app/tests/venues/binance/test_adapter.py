"""Every frame reaches its channel, or is refused with its reason; nothing a peer sends raises."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketprism.contract.books import BookDelta, BookImage, BookTop
from marketprism.contract.events import Side, Trade, TradeIdKind
from marketprism.venues.binance.adapter import Binance
from marketprism.venues.binance.markets import SPOT, USDM
from marketprism.venues.protocol import Notice, Observed, Refusal, RestRequest, Venue
from tests.venues.binance.samples import (
    AGGREGATE,
    BTC,
    DEPTH,
    FILL,
    LIFE,
    LIQUIDATION,
    MARK_PRICE,
    QUARTER,
    RATIO,
    RECEIVE_NS,
    SPOT_BTC,
    TICKER,
    packed,
    wrapped,
)

FUTURES_TYPES = (
    "trade",
    "orderbook",
    "funding_rate",
    "open_interest",
    "liquidation",
    "lsr_top_position",
    "lsr_all_account",
)
FRAMES = {
    "btcusdt@trade": FILL,
    "btcusdt@aggTrade": AGGREGATE,
    "btcusdt@depth@100ms": DEPTH,
    "btcusdt@bookTicker": TICKER,
    "btcusdt@markPrice@1s": MARK_PRICE,
    "btcusdt@forceOrder": LIQUIDATION,
}
BODIES = [
    b'{"lastUpdateId":3,"bids":[["1","1"]],"asks":[["2","1"]]}',
    packed([{"a": 5, "p": "0.5", "q": "4", "f": 7, "l": 9, "T": 1498793709153, "m": True}]),
    packed({"symbol": "BTCUSDT", "openInterest": "95744.938", "time": 1791382984119}),
    packed([RATIO]),
    b'{"code":-4166,"msg":"Search window is restricted to recent 2 days only."}',
]


@pytest.fixture
def spot() -> Binance:
    return Binance(SPOT, [SPOT_BTC], ("trade", "orderbook"))


@pytest.fixture
def usdm() -> Binance:
    return Binance(USDM, [BTC, QUARTER, LIFE], FUTURES_TYPES)


def requests(usdm: Binance) -> list[RestRequest]:
    (book,) = usdm.book_request(BTC)
    heal = usdm.heal_request(BTC, 5, 6)
    assert isinstance(book, RestRequest)
    assert heal is not None
    return [book, heal, *(poll.request for poll in usdm.polls() if poll.request.instrument == BTC)]


def test_it_is_a_venue(spot: Binance) -> None:
    venue: Venue = spot
    assert (venue.weight_per_minute, venue.books_in_band) == (6000, False)
    assert venue.instruments() == {"BTCUSDT": SPOT_BTC}


@pytest.mark.parametrize(
    ("stream", "data_type"),
    [
        ("btcusdt@trade", "trade"),
        ("btcusdt@aggTrade", "trade"),
        ("btcusdt@markPrice@1s", "funding_rate"),
        ("btcusdt@forceOrder", "liquidation"),
    ],
)
def test_wrapped_and_bare_messages_say_the_same(usdm: Binance, stream: str, data_type: str) -> None:
    """Futures' `@trade` too, which recordings of 2024 hold."""
    (seen,) = usdm.feed(wrapped(stream, FRAMES[stream]), RECEIVE_NS)
    assert isinstance(seen, Observed)
    assert (seen.data_type, seen.instrument) == (data_type, BTC)
    assert usdm.feed(packed(FRAMES[stream]), RECEIVE_NS) == [seen]


def test_book_messages_reach_the_book(usdm: Binance) -> None:
    (delta,) = usdm.feed(wrapped("btcusdt@depth@100ms", DEPTH), RECEIVE_NS)
    (top,) = usdm.feed(wrapped("btcusdt@bookTicker", TICKER), RECEIVE_NS)
    assert isinstance(delta, BookDelta)
    assert isinstance(top, BookTop)
    assert usdm.feed(packed(DEPTH), RECEIVE_NS) == [delta]


def test_a_symbol_that_is_not_ascii_is_understood(usdm: Binance) -> None:
    (seen,) = usdm.feed(wrapped("币安人生usdt@aggTrade", {**AGGREGATE, "s": "币安人生USDT"}), RECEIVE_NS)
    assert isinstance(seen, Observed)
    assert seen.instrument == LIFE


def test_what_is_subscribed_to_and_polled_is_fed(usdm: Binance) -> None:
    found = usdm.feeds()
    assert len(found) == 3 * len(FUTURES_TYPES) - 1
    assert ("lsr_all_account", LIFE) in found
    assert ("funding_rate", QUARTER) not in found


def test_wishes_are_those_of_the_market(spot: Binance, usdm: Binance) -> None:
    assert [connection.name for connection in usdm.connections()] == ["public", "market"]
    assert [connection.name for connection in spot.connections()] == ["market-data"]
    assert [request.path.partition("?")[0] for request in requests(usdm)] == [
        "/fapi/v1/depth",
        "/fapi/v1/aggTrades",
        "/fapi/v1/openInterest",
        "/futures/data/topLongShortPositionRatio",
        "/futures/data/globalLongShortAccountRatio",
    ]
    assert spot.polls() == []


def test_an_answer_is_read(usdm: Binance) -> None:
    assert usdm.read(requests(usdm)[0], BODIES[0], 7) == [BookImage(BTC, 3, 7, [("1", "1")], [("2", "1")], limit=1000)]


def test_a_trade_covers_its_own_id_whatever_fills_it_holds(usdm: Binance) -> None:
    trade = Trade(
        id_kind=TradeIdKind.AGGREGATE,
        trade_id=5,
        first_fill_id=70,
        last_fill_id=90,
        price="1",
        quantity="1",
        side=Side.BUY,
        timestamp_us=1,
        event_us=1,
        receive_ns=1,
    )
    assert usdm.chain(trade) == (5, 5)


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (b"", "frame_malformed"),
        (b"\xff\xfe", "frame_malformed"),
        (packed([MARK_PRICE]), "frame_malformed"),
        (b'{"e":"\xff"}', "frame_malformed"),
        (b'{"stream":"btcusdt@trade","data":' + b"[" * 100_000, "frame_malformed"),
        (b'{"a":1}', "frame_unrecognised"),
        (b'{"stream":"btcusdt@trade"}', "trade_malformed"),
        (wrapped("btcusdt@kline_1m", {}), "stream_unsupported"),
        (wrapped("!markPrice@arr@1s", [MARK_PRICE]), "stream_unsupported"),
        (wrapped("btcusdt@trade", {**FILL, "s": "DOGEUSDT"}), "symbol_unknown"),
        (wrapped("btcusdt@trade", {k: v for k, v in FILL.items() if k != "T"}), "trade_malformed"),
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
        (b'{"result":["btcusdt@depth@100ms"],"id":3}', "acknowledged"),
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


MUTANTS: list[Any] = [None, True, -1, 2**64, 1e400, "", "NaN", "1e5", "9" * 50, [], {}, ["1"], [["1"]], {"s": []}]


@given(st.sampled_from(sorted(FRAMES)), st.data())
def test_messages_with_wrong_values_never_raise(stream: str, data: st.DataObject) -> None:
    usdm = Binance(USDM, [BTC], FUTURES_TYPES)
    message = dict(FRAMES[stream])
    for key in data.draw(st.lists(st.sampled_from(sorted(message)), max_size=3)):
        message[key] = data.draw(st.sampled_from(MUTANTS))
    assert len(usdm.feed(wrapped(stream, message), RECEIVE_NS)) <= 1


@given(st.binary(max_size=200), st.integers(0, 300), st.sampled_from(sorted(FRAMES)), st.sampled_from(BODIES))
def test_mutated_bytes_never_raise(noise: bytes, cut: int, stream: str, body: bytes) -> None:
    usdm = Binance(USDM, [BTC], FUTURES_TYPES)
    for sent in (wrapped(stream, FRAMES[stream]), body):
        for mutated in (noise, sent[:cut], sent[:cut] + noise, sent[:cut] + noise[:3] + sent[cut + 3 :]):
            assert len(usdm.feed(mutated, RECEIVE_NS)) <= 1
            for request in requests(usdm):
                assert all(not isinstance(seen, Notice) for seen in usdm.read(request, mutated, RECEIVE_NS))
