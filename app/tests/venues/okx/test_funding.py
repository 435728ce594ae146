"""A funding rate is the one settled at the funding time, with all its digits."""

from typing import Any

import msgspec
import pytest

from marketprism.contract.events import FundingRate
from marketprism.venues.okx import funding
from marketprism.venues.protocol import Observed, Refusal
from tests.venues.okx.wire import BTC, FUNDING, RECEIVE_NS, pushed

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
