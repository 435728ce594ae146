"""Every message is decoded, found its instrument and read, or refused with its reason."""

from marketprism.contract.books import BookTop
from marketprism.venues.binance import books, derivatives, trades
from marketprism.venues.protocol import Refusal
from tests.venues.binance.samples import AGGREGATE, BTC, INSTRUMENTS, LIFE, MARK_PRICE, TICKER, packed


def test_a_message_is_read_for_its_instrument() -> None:
    assert books.TOPS.feed(packed({**TICKER, "s": "币安人生USDT"}), INSTRUMENTS, 7) == [
        BookTop(LIFE, 160, ("0.0024", "10"), ("0.0026", "100"))
    ]


def test_a_message_that_says_nothing_is_no_refusal() -> None:
    assert derivatives.FUNDING.feed(packed({**MARK_PRICE, "T": 0}), INSTRUMENTS, 7) == []


def test_a_symbol_nobody_asked_for_is_refused_whatever_its_length() -> None:
    (refusal,) = trades.AGGREGATES.feed(packed({**AGGREGATE, "s": "X" * 1000}), INSTRUMENTS, 7)
    assert refusal == Refusal("symbol_unknown", "X" * 60)


def test_a_coin_margined_symbol_is_refused_even_under_a_known_name() -> None:
    """Its quantities count contracts."""
    assert trades.AGGREGATES.feed(packed({**AGGREGATE, "st": 2}), INSTRUMENTS, 7) == [Refusal("market_other", BTC.name)]


def test_what_cannot_be_decoded_is_refused_with_its_beginning() -> None:
    (refusal,) = trades.AGGREGATES.feed(packed({"s": "BTCUSDT"}), INSTRUMENTS, 7)
    assert isinstance(refusal, Refusal)
    assert refusal.reason == "trade_malformed"
    assert '{"s": "BTCUSDT"}' in refusal.detail
