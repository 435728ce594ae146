"""Sizes become base quantities exactly; what the exchange counted is kept."""

import pytest

from marketprism.contract.instruments import Instrument
from marketprism.errors import ContractError
from marketprism.venues.okx.sizes import measure, unsigned
from tests.venues.okx.wire import BTC, BTC_INVERSE, BTC_SPOT, DOGE


@pytest.mark.parametrize(
    ("instrument", "size", "price", "quantity", "contracts"),
    [
        (BTC_SPOT, "0.00240857", "64040.2", "0.00240857", None),
        (BTC, "34.95", "63913.4", "0.3495", "34.95"),
        (BTC, "1", "63913.5", "0.01", "1"),
        (DOGE, "0.01", "0.2", "10", "0.01"),
        (BTC_INVERSE, "5", "62500", "0.008", "5"),
        (BTC_INVERSE, "1", "30000", "0.003333333333333333", "1"),
        (BTC_INVERSE, "2", "30000", "0.006666666666666667", "2"),
    ],
)
def test_a_size_is_measured(
    instrument: Instrument, size: str, price: str, quantity: str, contracts: str | None
) -> None:
    assert measure(instrument, size, price) == (quantity, contracts)


@pytest.mark.parametrize(
    ("instrument", "size", "price"),
    [
        (BTC_SPOT, "-1", "1"),
        (BTC_SPOT, "1", ""),
        (BTC, "1e3", "1"),
        (BTC, "0.00000000000000001", "1"),  # times 0.01: nineteen digits after the point
        (BTC_INVERSE, "1", "0"),
    ],
)
def test_what_cannot_be_measured_is_an_error(instrument: Instrument, size: str, price: str) -> None:
    with pytest.raises(ContractError):
        measure(instrument, size, price)


def test_an_unsigned_number_keeps_its_text() -> None:
    assert unsigned("oi", "2216113.010") == "2216113.010"
    with pytest.raises(ContractError, match=r"oi '-0\.5' is negative"):
        unsigned("oi", "-0.5")
