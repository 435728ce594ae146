"""Requests know their path and weight, and their answers are used whole or refused with a reason."""

import msgspec
import pytest

from marketprism.contract.books import BookImage
from marketprism.contract.events import FundingRate, OpenInterest, Trade, TradeIdKind
from marketprism.venues.binance import rest
from marketprism.venues.binance.adapter import Binance
from marketprism.venues.binance.markets import SPOT, USDM, instrument
from marketprism.venues.protocol import EXPIRED, SECOND_NS, Observed, Purpose, Refusal
from tests.venues.binance.samples import BTC, LIFE, RATIO, SPOT_BTC, packed

FILL_ROW = {"id": 5, "price": "4.5", "qty": "12", "time": 1499865549590, "isBuyerMaker": True}
AGGREGATE_ROW = {"a": 5, "p": "0.5", "q": "4", "f": 7, "l": 9, "T": 1498793709153, "m": True}
POLLED = ("open_interest", "lsr_top_position", "lsr_all_account")


def test_a_whole_book_costs_what_its_depth_costs() -> None:
    spot, usdm = rest.book(SPOT, SPOT_BTC), rest.book(USDM, BTC)
    assert (spot.purpose, spot.path, spot.weight) == (Purpose.BOOK, "/api/v3/depth?symbol=BTCUSDT&limit=5000", 250)
    assert (usdm.path, usdm.weight) == ("/fapi/v1/depth?symbol=BTCUSDT&limit=1000", 20)


def test_missing_trades_are_asked_for_by_their_first_id_and_number() -> None:
    spot, usdm = rest.missing_trades(SPOT, SPOT_BTC, 8, 9), rest.missing_trades(USDM, BTC, 8, 8)
    assert (spot.path, spot.weight) == ("/api/v3/historicalTrades?symbol=BTCUSDT&fromId=8&limit=2", 25)
    assert (usdm.path, usdm.weight) == ("/fapi/v1/aggTrades?symbol=BTCUSDT&fromId=8&limit=1", 20)
    assert (spot.purpose, spot.data_type, spot.first_id, spot.last_id) == (Purpose.HEAL, "trade", 8, 9)


def test_a_large_hole_is_asked_for_a_thousand_trades_at_a_time() -> None:
    request = rest.missing_trades(USDM, BTC, 8, 5000)
    assert request.path.endswith("fromId=8&limit=1000")
    assert (request.first_id, request.last_id) == (8, 1007)


def test_a_symbol_that_is_not_ascii_is_escaped_in_the_address() -> None:
    assert rest.book(USDM, LIFE).path == ("/fapi/v1/depth?symbol=%E5%B8%81%E5%AE%89%E4%BA%BA%E7%94%9FUSDT&limit=1000")


def test_open_interest_and_ratios_are_polled() -> None:
    found = rest.polls(USDM, [BTC], ("trade", *POLLED))
    assert [(p.request.data_type, p.request.path, p.request.weight, p.interval_ns / SECOND_NS) for p in found] == [
        ("open_interest", "/fapi/v1/openInterest?symbol=BTCUSDT", 1, 30),
        ("lsr_top_position", "/futures/data/topLongShortPositionRatio?symbol=BTCUSDT&period=5m&limit=6", 0, 60),
        ("lsr_all_account", "/futures/data/globalLongShortAccountRatio?symbol=BTCUSDT&period=5m&limit=6", 0, 60),
    ]
    assert {poll.request.instrument for poll in found} == {BTC}


def test_many_ratios_are_polled_more_rarely_to_stay_under_their_own_limit() -> None:
    found = rest.polls(USDM, [instrument(USDM, f"C{number}-USDT") for number in range(500)], POLLED)
    seconds = {poll.request.data_type: poll.interval_ns / SECOND_NS for poll in found}
    assert seconds == {"open_interest": 30, "lsr_top_position": 400, "lsr_all_account": 400}
    ratios = [poll for poll in found if poll.request.weight == 0]
    assert sum(300 / (poll.interval_ns / SECOND_NS) for poll in ratios) <= 1000


def test_spot_has_nothing_to_poll() -> None:
    assert rest.polls(SPOT, [SPOT_BTC], ("trade", "orderbook")) == []


def test_an_answer_is_read_for_what_was_asked() -> None:
    book = rest.read(SPOT, rest.book(SPOT, SPOT_BTC), b'{"lastUpdateId":3,"bids":[],"asks":[["2","1"]]}', 7)
    assert book == [BookImage(SPOT_BTC, 3, 7, [], [("2", "1")], limit=5000)]
    for market, each, row, id_kind in (
        (SPOT, SPOT_BTC, FILL_ROW, TradeIdKind.FILL),
        (USDM, BTC, AGGREGATE_ROW, TradeIdKind.AGGREGATE),
    ):
        (seen,) = rest.read(market, rest.missing_trades(market, each, 5, 5), packed([row]), 7)
        assert isinstance(seen, Observed)
        assert (seen.instrument, seen.event.id_kind, seen.event.trade_id) == (each, id_kind, 5)
    interest, top, everybody = (poll.request for poll in rest.polls(USDM, [BTC], POLLED))
    for request, body in (
        (interest, {"symbol": "BTCUSDT", "openInterest": "1", "time": 5}),
        (top, [RATIO]),
        (everybody, [RATIO]),
    ):
        (seen,) = rest.read(USDM, request, packed(body), 7)
        assert isinstance(seen, Observed)
        assert seen.data_type == request.data_type


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        (
            b'{"code":-4166,"msg":"Search window is restricted to recent 2 days only."}',
            Refusal(EXPIRED, "-4166 Search window is restricted to recent 2 days only."),
        ),
        (packed([AGGREGATE_ROW, {**AGGREGATE_ROW, "p": "?"}]), Refusal("trade_number", "price '?', quantity '4'")),
    ],
)
def test_trades_that_are_too_old_or_not_exact_are_refused_as_a_whole(body: bytes, refusal: Refusal) -> None:
    assert rest.read(USDM, rest.missing_trades(USDM, BTC, 5, 6), body, 7) == [refusal]


@pytest.mark.parametrize("body", [b"<html>", b"", b"\xff", b"[" * 100_000, b'{"lastUpdateId":1}'])
def test_an_answer_nobody_understands_is_refused(body: bytes) -> None:
    (refusal,) = rest.read(USDM, rest.book(USDM, BTC), body, 7)
    assert isinstance(refusal, Refusal)
    assert refusal.reason == "book_malformed"


HOUR_US = 3_600_000_000
FUNDING_ROW = {"symbol": "BTCUSDT", "fundingTime": 1791331200002, "fundingRate": "-0.00000743", "markPrice": "85516.5"}
BAR = {"symbol": "BTCUSDT", "sumOpenInterest": "20403.637", "sumOpenInterestValue": "1", "timestamp": 1583127900000}


_BARS = "?symbol=BTCUSDT&period=5m&startTime=5&endTime={}&limit=500"


@pytest.mark.parametrize(
    ("data_type", "path", "weight", "hours"),
    [
        ("funding_rate", "/fapi/v1/fundingRate?symbol=BTCUSDT&startTime=5&endTime={}&limit=1000", 10, 1000),
        ("open_interest", f"/futures/data/openInterestHist{_BARS}", 10, 125 / 3),
        ("lsr_top_position", f"/futures/data/topLongShortPositionRatio{_BARS}", 10, 125 / 3),
        ("lsr_all_account", f"/futures/data/globalLongShortAccountRatio{_BARS}", 10, 125 / 3),
    ],
)
def test_the_past_is_asked_for_as_far_as_one_answer_reaches(
    data_type: str, path: str, weight: int, hours: float
) -> None:
    request = rest.history(USDM, data_type, BTC, 5_000, 10**17)
    assert request is not None
    end_us = 5_000 + round(hours * HOUR_US)
    assert (request.purpose, request.data_type, request.end_us) == (Purpose.HISTORY, data_type, end_us)
    assert (request.path, request.weight) == (path.format(end_us // 1000 - 1), weight)
    short = rest.history(USDM, data_type, BTC, 5_000, 9_000)
    assert short is not None
    assert (short.end_us, "endTime=8&" in short.path) == (9_000, True)


def test_the_first_trade_from_a_time_on_is_an_aggregate() -> None:
    spot, usdm = rest.history(SPOT, "trade", SPOT_BTC, 5_999, 5_999), rest.history(USDM, "trade", BTC, 5_999, 5_999)
    assert spot is not None
    assert usdm is not None
    assert (spot.path, spot.weight) == ("/api/v3/aggTrades?symbol=BTCUSDT&startTime=5&limit=1", 4)
    assert (usdm.path, usdm.weight) == ("/fapi/v1/aggTrades?symbol=BTCUSDT&startTime=5&limit=1", 20)
    for market, request, chain in ((SPOT, spot, (7, 9)), (USDM, usdm, (5, 5))):
        (seen,) = rest.read(market, request, packed([AGGREGATE_ROW]), 7)
        assert isinstance(seen, Observed)
        assert isinstance(seen.event, Trade)
        assert Binance(market, [], ()).chain(seen.event) == chain


def test_spot_has_no_past_but_trades() -> None:
    assert rest.history(SPOT, "open_interest", SPOT_BTC, 0, HOUR_US) is None


def test_a_settled_rate_is_dated_to_its_minute() -> None:
    request = rest.history(USDM, "funding_rate", BTC, 0, HOUR_US)
    assert request is not None
    old = {**FUNDING_ROW, "markPrice": "", "fundingTime": 1791331200000}
    settled = FundingRate(
        rate="-0.00000743",
        funding_us=1791331200000000,
        interval_seconds=None,
        mark_price="85516.5",
        index_price=None,
        timestamp_us=1791331200000000,
        receive_ns=7,
    )
    assert rest.read(USDM, request, packed([FUNDING_ROW, old]), 7) == [
        Observed("funding_rate", BTC, settled),
        Observed("funding_rate", BTC, msgspec.structs.replace(settled, mark_price=None)),
    ]


def test_open_interest_of_the_past_is_that_of_its_bar() -> None:
    request = rest.history(USDM, "open_interest", BTC, 0, HOUR_US)
    assert request is not None
    event = OpenInterest(quantity="20403.637", contracts=None, timestamp_us=1583127900000000, receive_ns=7)
    assert rest.read(USDM, request, packed([BAR]), 7) == [Observed("open_interest", BTC, event)]


@pytest.mark.parametrize(
    ("data_type", "row", "reason"),
    [
        ("funding_rate", {**FUNDING_ROW, "symbol": "ETHUSDT"}, "symbol_unknown"),
        ("funding_rate", {**FUNDING_ROW, "fundingRate": ""}, "funding_number"),
        ("funding_rate", {**FUNDING_ROW, "markPrice": "x"}, "funding_number"),
        ("funding_rate", {"symbol": "BTCUSDT"}, "history_malformed"),
        ("open_interest", {**BAR, "symbol": "ETHUSDT"}, "symbol_unknown"),
        ("open_interest", {**BAR, "sumOpenInterest": "1e5"}, "open_interest_number"),
    ],
)
def test_a_wrong_row_of_the_past_spoils_its_answer(data_type: str, row: dict[str, str], reason: str) -> None:
    request = rest.history(USDM, data_type, BTC, 0, HOUR_US)
    assert request is not None
    (refusal,) = rest.read(USDM, request, packed([row]), 7)
    assert isinstance(refusal, Refusal)
    assert refusal.reason == reason
