"""Open interest is told in contracts and in coins, both by the exchange."""

from typing import Any

import msgspec
import pytest

from marketprism.contract.events import OpenInterest
from marketprism.venues.okx import open_interest
from marketprism.venues.protocol import Observed, Refusal
from tests.venues.okx.wire import BTC, OPEN_INTEREST, RECEIVE_NS, pushed

INTEREST = OpenInterest(
    quantity="22161.1301", contracts="2216113.01", timestamp_us=1743041250440000, receive_ns=RECEIVE_NS
)


@pytest.mark.parametrize("left_out", [(), ("oiUsd", "instType")])
def test_contracts_and_coins_are_kept_as_sent(left_out: tuple[str, ...]) -> None:
    row = {key: value for key, value in OPEN_INTEREST.items() if key not in left_out}
    found = open_interest.read(BTC, pushed("open-interest", row), RECEIVE_NS)
    assert found == [Observed("open_interest", BTC, INTEREST)]


@pytest.mark.parametrize("wrong", [{"oi": "-1"}, {"oiCcy": ""}, {"oi": "many"}])
def test_numbers_that_make_no_interest_are_refused(wrong: dict[str, str]) -> None:
    (refusal,) = open_interest.read(BTC, pushed("open-interest", {**OPEN_INTEREST, **wrong}), RECEIVE_NS)
    assert isinstance(refusal, Refusal)
    assert refusal.reason == "open_interest_number"


@pytest.mark.parametrize("wrong", [{"oi": 1}, {"ts": "soon"}])
def test_a_row_of_the_wrong_shape_does_not_decode(wrong: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        open_interest.read(BTC, pushed("open-interest", {**OPEN_INTEREST, **wrong}), RECEIVE_NS)
