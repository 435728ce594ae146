"""Requests know their path and weight, and their answers are used whole or refused with a reason."""

import pytest

from marketprism.contract.books import BookImage
from marketprism.contract.events import TradeIdKind
from marketprism.venues.binance import rest
from marketprism.venues.binance.markets import SPOT, USDM, instrument
from marketprism.venues.protocol import SECOND_NS, Observed, Purpose, Refusal
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
    assert book == [BookImage(SPOT_BTC, 3, 7, [], [("2", "1")])]
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
            Refusal("heal_refused", "-4166 Search window is restricted to recent 2 days only."),
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
