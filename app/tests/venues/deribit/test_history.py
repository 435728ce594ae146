"""The past of Deribit: requests for trades and hourly funding, and what their answers say."""

import pytest

from marketprism.contract.events import FundingRate, Trade
from marketprism.venues.deribit import history
from marketprism.venues.deribit.adapter import Deribit
from marketprism.venues.protocol import Observed, Purpose, Refusal
from tests.venues.deribit.frames import BTC, BTC_USDC, MILLISECONDS, RECEIVE_NS, trade

HOUR_MS = 3_600_000


@pytest.fixture
def deribit() -> Deribit:
    return Deribit([BTC], ("trade", "funding_rate"))


def funding(interest: str = "-4.7e-07", index: str = "8222.87") -> bytes:
    row = f'{{"timestamp":1569891600000,"index_price":{index},"interest_8h":-9.23e-05,"interest_1h":{interest}}}'
    return f'{{"jsonrpc":"2.0","result":[{row}]}}'.encode()


def test_hourly_funding_is_asked_for_thirty_days_at_a_time() -> None:
    request = history.funding(BTC_USDC, MILLISECONDS * 1000, 10**17)
    end_ms = MILLISECONDS + 720 * HOUR_MS
    assert (request.purpose, request.weight, request.end_us) == (Purpose.HISTORY, 500, end_ms * 1000)
    assert request.path == (
        "/api/v2/public/get_funding_rate_history?instrument_name=BTC_USDC-PERPETUAL"
        f"&start_timestamp={MILLISECONDS}&end_timestamp={end_ms - 1}"
    )


def test_hourly_funding_is_what_the_hour_cost(deribit: Deribit) -> None:
    request = deribit.history_request("funding_rate", BTC, 0, HOUR_MS * 1000)
    assert request is not None
    settled = FundingRate(
        rate="-0.00000047",
        funding_us=1569891600000000,
        interval_seconds=3600,
        mark_price=None,
        index_price="8222.87",
        timestamp_us=1569891600000000,
        receive_ns=RECEIVE_NS,
    )
    assert deribit.read(request, funding(), RECEIVE_NS) == [Observed("funding_rate", BTC, settled)]


def test_a_computed_rate_with_more_digits_than_are_kept_is_rounded(deribit: Deribit) -> None:
    request = deribit.history_request("funding_rate", BTC, 0, HOUR_MS * 1000)
    assert request is not None
    (seen,) = deribit.read(request, funding(interest="-4.739622041017375e-7"), RECEIVE_NS)
    assert isinstance(seen, Observed)
    assert isinstance(seen.event, FundingRate)
    assert seen.event.rate == "-0.000000473962204102"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (funding(interest='"x"'), "funding_number"),
        (funding(index="-1"), "funding_number"),
        (b'{"result":{}}', "answer_malformed"),
        (b"<html>", "answer_malformed"),
    ],
)
def test_an_answer_without_funding_is_refused(body: bytes, reason: str, deribit: Deribit) -> None:
    request = deribit.history_request("funding_rate", BTC, 0, HOUR_MS * 1000)
    assert request is not None
    (refusal,) = deribit.read(request, body, RECEIVE_NS)
    assert isinstance(refusal, Refusal)
    assert refusal.reason == reason


def test_the_first_trade_from_a_time_on_tells_the_id(deribit: Deribit) -> None:
    request = deribit.history_request("trade", BTC, MILLISECONDS * 1000 + 999, 0)
    assert request is not None
    assert request.path == (
        "/api/v2/public/get_last_trades_by_instrument_and_time?instrument_name=BTC-PERPETUAL"
        f"&start_timestamp={MILLISECONDS}&end_timestamp={MILLISECONDS + 24 * HOUR_MS}&count=1&sorting=asc"
    )
    body = f'{{"result":{{"trades":[{trade(7)}],"has_more":true}}}}'.encode()
    (seen,) = deribit.read(request, body, RECEIVE_NS)
    assert isinstance(seen, Observed)
    assert isinstance(seen.event, Trade)
    assert deribit.chain(seen.event) == (7, 7)


def test_there_is_no_past_of_anything_else(deribit: Deribit) -> None:
    assert deribit.history_request("open_interest", BTC, 0, HOUR_MS * 1000) is None
