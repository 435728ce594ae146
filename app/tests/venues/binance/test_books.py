"""Changes, witnesses and whole books keep every value."""

from typing import Any

import pytest

from marketprism.contract.books import BookDelta, BookImage, BookTop
from marketprism.venues.binance import books
from marketprism.venues.protocol import Refusal
from tests.venues.binance.samples import BTC, DEPTH, INSTRUMENTS, SPOT_BTC, TICKER, packed


def test_spot_depth_has_no_previous_id_and_uses_the_event_time() -> None:
    assert books.CHANGES.feed(packed(DEPTH), {"BTCUSDT": SPOT_BTC}, 7) == [
        BookDelta(SPOT_BTC, 157, 160, None, 1672515782136000, 7, [("0.0024", "10")], [])
    ]


def test_futures_depth_links_to_the_previous_id_and_uses_the_transaction_time() -> None:
    frame = packed({**DEPTH, "T": 1672515782130, "pu": 149, "ps": "BTCUSDT", "st": 1})
    assert books.CHANGES.feed(frame, INSTRUMENTS, 7) == [
        BookDelta(BTC, 157, 160, 149, 1672515782130000, 7, [("0.0024", "10")], [])
    ]


def test_a_book_ticker_is_a_witness() -> None:
    assert books.TOPS.feed(packed(TICKER), INSTRUMENTS, 7) == [BookTop(BTC, 160, ("0.0024", "10"), ("0.0026", "100"))]


def test_a_whole_book_is_read() -> None:
    body = b'{"lastUpdateId":1027024,"E":5,"T":4,"bids":[["4.00000000","431.00000000"]],"asks":[["4.00000200","12"]]}'
    assert books.read_image(1000, body, BTC, 7) == [
        BookImage(BTC, 1027024, 7, [("4.00000000", "431.00000000")], [("4.00000200", "12")], limit=1000)
    ]


def test_a_whole_book_with_a_level_that_is_no_number_is_refused() -> None:
    (refusal,) = books.read_image(1000, b'{"lastUpdateId":1,"bids":[["4","-1"]],"asks":[]}', BTC, 7)
    assert isinstance(refusal, Refusal)
    assert refusal.reason == "book_number"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"b": [["1", "NaN"]]}, "depth_number"),
        ({"a": [["1:1;1", "1"]]}, "depth_number"),
        ({"b": [["1", "1"], ["0.0000000000000000001", "1"]]}, "depth_number"),
        ({"b": [["1"]]}, "depth_malformed"),
        ({"u": "160"}, "depth_malformed"),
        ({"E": -1}, "depth_malformed"),
    ],
)
def test_a_change_that_is_not_exact_is_refused(change: dict[str, Any], reason: str) -> None:
    (refusal,) = books.CHANGES.feed(packed({**DEPTH, **change}), INSTRUMENTS, 7)
    assert isinstance(refusal, Refusal)
    assert refusal.reason == reason


def test_a_ticker_without_a_bid_is_refused() -> None:
    (refusal,) = books.TOPS.feed(packed({**TICKER, "b": ""}), INSTRUMENTS, 7)
    assert isinstance(refusal, Refusal)
    assert refusal.reason == "bookTicker_number"
