"""Funding is continuous and open interest is dollars; one ticker of each second is enough."""

import pytest

from marketprism.contract.events import FundingRate, OpenInterest
from marketprism.contract.instruments import Instrument
from marketprism.errors import ContractError
from marketprism.venues.deribit.ticker import Ticker
from marketprism.venues.protocol import Observed
from tests.venues.deribit.frames import BTC, BTC_USDC, MILLISECONDS, RECEIVE_NS, raw, ticker

BOTH = ("funding_rate", "open_interest")
US = 1_786_563_104_514_000


def read(data: str, instrument: Instrument = BTC, wanted: tuple[str, ...] = BOTH) -> list[object]:
    found = Ticker(instrument, wanted).read(raw(data), RECEIVE_NS)
    return [each.event for each in found if isinstance(each, Observed)]


def test_the_funding_of_now_is_a_fraction_per_eight_hours_without_a_settlement() -> None:
    assert read(ticker(), wanted=("funding_rate",)) == [
        FundingRate(
            rate="0.00002081",
            funding_us=None,
            interval_seconds=28_800,
            mark_price="63346.33",
            index_price="63329.18",
            timestamp_us=US,
            receive_ns=RECEIVE_NS,
        )
    ]


def test_a_negative_rate_stays_negative_and_missing_prices_are_none() -> None:
    (funding,) = read(ticker(funding="-0.00012", mark="null", index="null"), wanted=("funding_rate",))
    assert isinstance(funding, FundingRate)
    assert (funding.rate, funding.mark_price, funding.index_price) == ("-0.00012", None, None)


def test_open_interest_in_dollars_is_converted_at_the_mark_price() -> None:
    assert read(ticker(), wanted=("open_interest",)) == [
        OpenInterest(quantity="11303.018659486666394091", contracts="716004750", timestamp_us=US, receive_ns=RECEIVE_NS)
    ]


def test_open_interest_of_a_linear_perpetual_is_base_currency() -> None:
    (interest,) = read(ticker(interest="1234.567"), BTC_USDC, ("open_interest",))
    assert isinstance(interest, OpenInterest)
    assert (interest.quantity, interest.contracts) == ("1234.567", None)


def test_one_ticker_of_each_second_of_the_exchange_is_used() -> None:
    reader = Ticker(BTC, BOTH)
    second = MILLISECONDS - MILLISECONDS % 1000
    times = [second + offset for offset in (0, 100, 999, 1000, 999, 1100, 1900, 2000, -20_000, 2100, 3050)]
    used = [time - second for time in times if reader.read(raw(ticker(time)), RECEIVE_NS)]
    assert used == [0, 1000, 2000, 3050]


def test_an_absurd_time_does_not_silence_the_ticker() -> None:
    reader = Ticker(BTC, BOTH)
    assert reader.read(raw(ticker(MILLISECONDS + 10**12)), RECEIVE_NS)
    assert reader.read(raw(ticker(MILLISECONDS)), RECEIVE_NS)


@pytest.mark.parametrize("fields", [{"funding": "null"}, {"interest": "-1"}, {"mark": "0"}, {"mark": "null"}])
def test_what_cannot_be_used_is_refused(fields: dict[str, str]) -> None:
    with pytest.raises(ContractError):
        read(ticker(**fields))
