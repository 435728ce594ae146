"""A funding rate is the one settled at the funding time, with all its digits."""

from typing import Any

import msgspec
import pytest

from marketprism.contract.events import FundingRate
from marketprism.venues.okx import funding
from marketprism.venues.protocol import Observed, Purpose, Refusal
from tests.venues.okx.wire import BTC, FUNDING, RECEIVE_NS, answered, pushed

RATE = FundingRate(
    rate="-0.0004270396398519",
    funding_us=1785888000000000,
    interval_seconds=8 * 3600,
    mark_price=None,
    index_price=None,
    timestamp_us=1785870855692000,
    receive_ns=RECEIVE_NS,
)


def test_a_rate_keeps_its_digits_its_time_and_the_interval_after_it() -> None:
    """The empty ``nextFundingRate`` is normal."""
    assert funding.read(BTC, pushed("funding-rate", FUNDING), RECEIVE_NS) == [Observed("funding_rate", BTC, RATE)]


@pytest.mark.parametrize("change", [{"nextFundingTime": ""}, {"nextFundingTime": None}])
def test_an_interval_that_is_not_told_is_unknown(change: dict[str, Any]) -> None:
    row = {key: value for key, value in {**FUNDING, **change}.items() if value is not None}
    (seen,) = funding.read(BTC, pushed("funding-rate", row), RECEIVE_NS)
    assert seen == Observed("funding_rate", BTC, msgspec.structs.replace(RATE, interval_seconds=None))


@pytest.mark.parametrize(
    "wrong", [{"fundingRate": ""}, {"fundingRate": "1e-4"}, {"nextFundingTime": FUNDING["fundingTime"]}]
)
def test_numbers_that_make_no_rate_are_refused(wrong: dict[str, str]) -> None:
    (refusal,) = funding.read(BTC, pushed("funding-rate", {**FUNDING, **wrong}), RECEIVE_NS)
    assert isinstance(refusal, Refusal)
    assert refusal.reason == "funding_rate_number"


@pytest.mark.parametrize("wrong", [{"fundingTime": ""}, {"fundingTime": "-1"}, {"ts": 1}, {"fundingRate": 0.1}])
def test_a_row_of_the_wrong_shape_does_not_decode(wrong: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        funding.read(BTC, pushed("funding-rate", {**FUNDING, **wrong}), RECEIVE_NS)


SETTLED = {
    "formulaType": "withRate", "fundingRate": "0.0001", "fundingTime": "1785888000000", "instId": "BTC-USDT-SWAP",
    "instType": "SWAP", "method": "current_period", "realizedRate": "-0.0004270396398519",
}  # fmt: skip


def test_settled_rates_are_asked_for_a_hundred_hours_at_a_time() -> None:
    request = funding.history_request(BTC, 1_785_888_000_000_000, 10**17)
    end_ms = 1_785_888_000_000 + 100 * 3_600_000
    assert (request.purpose, request.end_us) == (Purpose.HISTORY, end_ms * 1000)
    assert request.path == (
        f"/api/v5/public/funding-rate-history?instId=BTC-USDT-SWAP&before=1785887999999&after={end_ms}&limit=100"
    )


def test_a_settled_rate_is_what_was_paid_at_its_time() -> None:
    later = {**SETTLED, "fundingTime": "1785916800000"}
    first, second = funding.read_history(BTC, answered(later, SETTLED), RECEIVE_NS)
    settled = msgspec.structs.replace(RATE, timestamp_us=RATE.funding_us, interval_seconds=None)
    assert first == Observed("funding_rate", BTC, settled)
    assert isinstance(second, Observed)
    assert second.event.timestamp_us == 1785916800000000


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (answered({**SETTLED, "realizedRate": ""}), "funding_rate_number"),
        (answered({"fundingTime": "1"}), "funding_rate_malformed"),
        (b'{"code":"50011","msg":"Too Many Requests"}', "rest_limited"),
        (b"<html>", "rest_malformed"),
    ],
)
def test_an_answer_without_settled_rates_is_refused(body: bytes, reason: str) -> None:
    (refusal,) = funding.read_history(BTC, body, RECEIVE_NS)
    assert isinstance(refusal, Refusal)
    assert refusal.reason == reason
