"""DVOL is percent a year, as sent."""

import pytest

from marketprism.contract.events import VolatilityIndex
from marketprism.errors import ContractError
from marketprism.venues.deribit.instruments import volatility_index
from marketprism.venues.deribit.volatility import Volatility
from marketprism.venues.protocol import Observed
from tests.venues.deribit.frames import BTC, RECEIVE_NS, raw, volatility

INDEX = volatility_index(BTC)


def test_the_index_keeps_its_percent() -> None:
    (seen,) = Volatility(INDEX).read(raw(volatility("129.36")), RECEIVE_NS)
    event = VolatilityIndex(value="129.36", timestamp_us=1_786_563_104_514_000, receive_ns=RECEIVE_NS)
    assert seen == Observed("volatility_index", INDEX, event)


@pytest.mark.parametrize("value", ["-1", "null", '"43"'])
def test_what_is_no_percentage_is_refused(value: str) -> None:
    with pytest.raises(ContractError, match="volatility"):
        Volatility(INDEX).read(raw(volatility(value)), RECEIVE_NS)
