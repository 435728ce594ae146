"""What Deribit lists becomes instruments by canonical symbol, with their steps and state."""

import json
from typing import Any

import pytest

from marketprism.errors import ContractError
from marketprism.venues.deribit.directory import DeribitDirectory
from marketprism.venues.protocol import Listing, ListingState, Purpose
from tests.venues.deribit.frames import BTC, BTC_USDC

INVERSE = {
    "instrument_name": "BTC-PERPETUAL", "base_currency": "BTC", "quote_currency": "USD", "counter_currency": "USD",
    "kind": "future", "instrument_type": "reversed", "settlement_period": "perpetual", "settlement_currency": "BTC",
    "tick_size": 0.5, "tick_size_steps": [], "min_trade_amount": 10, "contract_size": 10, "is_active": True,
    "state": "open", "expiration_timestamp": 32503708800000,
}  # fmt: skip
LINEAR = {
    **INVERSE, "instrument_name": "BTC_USDC-PERPETUAL", "quote_currency": "USDC", "instrument_type": "linear",
    "tick_size": 1e-05, "min_trade_amount": 0.0001, "contract_size": 0.0001,
}  # fmt: skip
DATED = {**INVERSE, "instrument_name": "BTC-25DEC26", "settlement_period": "month"}


def body(*listed: dict[str, Any]) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "result": listed, "usIn": 1, "testnet": False}).encode()


def read(*listed: dict[str, Any]) -> dict[str, Listing]:
    return DeribitDirectory().read([body(*listed)])


def test_each_currency_is_asked_for_once() -> None:
    requests = DeribitDirectory().requests(["BTC-USD", "ETH-USD", "BTC-USDC", "SOL-USDC"])
    assert [request.path for request in requests] == [
        f"/api/v2/public/get_instruments?currency={currency}&kind=future" for currency in ("BTC", "ETH", "USDC")
    ]
    assert {(request.purpose, request.weight, request.instrument) for request in requests} == {
        (Purpose.LISTING, 10_000, None)
    }


def test_perpetuals_are_listed_by_canonical_symbol() -> None:
    assert DeribitDirectory().read([body(INVERSE, DATED), body(LINEAR)]) == {
        "BTC-USD": Listing(BTC, tick="0.5", lot="10", state=ListingState.TRADING),
        "BTC-USDC": Listing(BTC_USDC, tick="0.00001", lot="0.0001", state=ListingState.TRADING),
    }


@pytest.mark.parametrize(
    ("state", "is_active", "expected"),
    [
        ("open", True, ListingState.TRADING),
        ("open", False, ListingState.PAUSED),
        ("settlement", True, ListingState.PAUSED),
        ("halted", True, ListingState.PAUSED),
        ("locked", True, ListingState.PAUSED),
        ("inactive", False, ListingState.PAUSED),
        ("delivered", False, ListingState.DELISTED),
        ("archivized", False, ListingState.DELISTED),
        ("new", True, ListingState.PAUSED),
    ],
)
def test_a_state_says_whether_it_can_be_traded(state: str, is_active: bool, expected: ListingState) -> None:
    assert read({**INVERSE, "state": state, "is_active": is_active})["BTC-USD"].state is expected


@pytest.mark.parametrize(
    "fields",
    [
        {"instrument_type": "linear"},
        {"instrument_type": "quanto"},
        {"instrument_name": "BTC-PERP"},
        {"base_currency": "B TC"},
        {"base_currency": "B-TC"},
        {"tick_size": 0},
        {"min_trade_amount": None},
    ],
)
def test_what_does_not_fit_together_is_left_out_alone(fields: dict[str, Any]) -> None:
    assert list(read({**INVERSE, **fields}, LINEAR)) == ["BTC-USDC"]


@pytest.mark.parametrize(
    "answer",
    [b"", b"<html>", b"[]", b'{"error":{"code":10028,"message":"too_many_requests"}}', body({"kind": "future"})],
)
def test_an_answer_that_lists_nothing_is_an_error(answer: bytes) -> None:
    with pytest.raises(ContractError, match="lists no instruments"):
        DeribitDirectory().read([answer])
