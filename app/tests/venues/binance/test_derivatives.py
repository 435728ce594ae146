"""Funding, liquidations, open interest and ratios keep every value and its meaning."""

from typing import Any

import pytest

from marketprism.contract.events import FundingRate, Liquidation, LongShortRatio, OpenInterest, Side
from marketprism.venues.binance import derivatives
from marketprism.venues.protocol import Observed, Refusal
from tests.venues.binance.samples import BTC, FORCED, INSTRUMENTS, LIFE, LIQUIDATION, MARK_PRICE, RATIO, packed


def test_a_mark_price_tells_the_rate_its_settlement_and_both_prices() -> None:
    assert derivatives.FUNDING.feed(packed(MARK_PRICE), INSTRUMENTS, 7) == [
        Observed(
            "funding_rate",
            BTC,
            FundingRate(
                rate="0.00000078",
                funding_us=1791388800000000,
                interval_seconds=None,
                mark_price="83084.30000000",
                index_price="83123.65891304",
                timestamp_us=1791382993000000,
                receive_ns=7,
            ),
        )
    ]


@pytest.mark.parametrize("change", [{"T": 0, "r": "0.00000000"}, {"T": 0, "r": ""}, {"r": ""}])
def test_a_mark_price_without_scheduled_funding_is_neither_an_event_nor_a_refusal(change: dict[str, Any]) -> None:
    assert derivatives.FUNDING.feed(packed({**MARK_PRICE, **change}), INSTRUMENTS, 7) == []


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"r": "0.01%"}, "funding_number"),
        ({"p": ""}, "funding_number"),
        ({"i": ""}, "funding_number"),
        ({"T": "1791388800000"}, "funding_malformed"),
    ],
)
def test_a_mark_price_that_is_not_exact_is_refused(change: dict[str, Any], reason: str) -> None:
    (refusal,) = derivatives.FUNDING.feed(packed({**MARK_PRICE, **change}), INSTRUMENTS, 7)
    assert isinstance(refusal, Refusal)
    assert refusal.reason == reason


@pytest.mark.parametrize(("sent", "side"), [("SELL", Side.SELL), ("BUY", Side.BUY)])
def test_a_liquidation_is_what_was_filled_not_what_was_ordered(sent: str, side: Side) -> None:
    frame = packed({**LIQUIDATION, "o": {**FORCED, "S": sent}})
    assert derivatives.LIQUIDATIONS.feed(frame, INSTRUMENTS, 7) == [
        Observed(
            "liquidation",
            BTC,
            Liquidation(
                side=side,
                price="9912.5",
                quantity="0.013",
                contracts=None,
                ordinal=0,
                timestamp_us=1568014460893000,
                receive_ns=7,
            ),
        )
    ]


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        ({**LIQUIDATION, "o": {**FORCED, "ap": "0"}}, "liquidation_number"),
        ({**LIQUIDATION, "o": {**FORCED, "z": "0.000"}}, "liquidation_number"),
        ({**LIQUIDATION, "o": {**FORCED, "S": "SHORT"}}, "liquidation_malformed"),
        ({**LIQUIDATION, "o": {**FORCED, "s": "DOGEUSDT"}}, "symbol_unknown"),
        ({**LIQUIDATION, "st": 2}, "market_other"),
    ],
)
def test_a_liquidation_that_is_not_ours_or_not_exact_is_refused(frame: dict[str, Any], reason: str) -> None:
    (refusal,) = derivatives.LIQUIDATIONS.feed(packed(frame), INSTRUMENTS, 7)
    assert isinstance(refusal, Refusal)
    assert refusal.reason == reason


def test_open_interest_counts_base_currency() -> None:
    body = packed({"symbol": "币安人生USDT", "openInterest": "95744.938", "time": 1791382984119})
    assert derivatives.read_open_interest(body, LIFE, 7) == [
        Observed(
            "open_interest",
            LIFE,
            OpenInterest(quantity="95744.938", contracts=None, timestamp_us=1791382984119000, receive_ns=7),
        )
    ]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"symbol": "ETHUSDT", "openInterest": "1", "time": 1}, "symbol_unknown"),
        ({"symbol": "BTCUSDT", "openInterest": "", "time": 1}, "open_interest_number"),
    ],
)
def test_an_open_interest_of_another_symbol_or_without_a_number_is_refused(body: object, reason: str) -> None:
    (refusal,) = derivatives.read_open_interest(packed(body), BTC, 7)
    assert isinstance(refusal, Refusal)
    assert refusal.reason == reason


def test_a_ratio_keeps_all_three_numbers_as_sent_although_they_do_not_add_up() -> None:
    later = {**RATIO, "timestamp": 1591261342378}
    found = derivatives.read_ratios("lsr_top_position", packed([RATIO, later]), BTC, 7)
    assert found[0] == Observed(
        "lsr_top_position",
        BTC,
        LongShortRatio(
            period="5m",
            ratio="1.4342",
            long_share="0.5344",
            short_share="0.4238",
            timestamp_us=1591261042378000,
            receive_ns=7,
        ),
    )
    assert isinstance(found[1], Observed)
    assert found[1].event.timestamp_us == 1591261342378000


def test_no_bars_are_no_events() -> None:
    assert derivatives.read_ratios("lsr_all_account", b"[]", BTC, 7) == []


@pytest.mark.parametrize(
    ("change", "reason"), [({"symbol": "ETHUSDT"}, "symbol_unknown"), ({"longAccount": "54%"}, "ratio_number")]
)
def test_a_bar_of_another_symbol_or_without_a_number_is_refused(change: dict[str, Any], reason: str) -> None:
    (refusal,) = derivatives.read_ratios("lsr_all_account", packed([{**RATIO, **change}]), BTC, 7)
    assert isinstance(refusal, Refusal)
    assert refusal.reason == reason
