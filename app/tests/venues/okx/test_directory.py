"""The list of instruments: what a contract is worth, how fine prices are, and what can be traded."""

from typing import Any

import pytest

from marketprism.contract.instruments import ContractUnit, Exchange, Instrument, Market
from marketprism.errors import ContractError
from marketprism.venues.okx.directory import OkxDirectory
from marketprism.venues.okx.markets import SPOT, SWAP, OkxMarket
from marketprism.venues.protocol import Listing, ListingState, Purpose
from tests.venues.okx.wire import answered

COIN = {
    "instId": "BTC-USDT", "instType": "SPOT", "baseCcy": "BTC", "quoteCcy": "USDT", "ctMult": "", "ctType": "",
    "ctVal": "", "ctValCcy": "", "lotSz": "0.00000001", "state": "live", "tickSz": "0.1",
}  # fmt: skip
LINEAR = {
    "instId": "BTC-USDT-SWAP", "instType": "SWAP", "ctMult": "1", "ctType": "linear", "ctVal": "0.01",
    "ctValCcy": "BTC", "lotSz": "0.01", "settleCcy": "USDT", "state": "live", "tickSz": "0.1",
}  # fmt: skip
INVERSE = {
    **LINEAR, "instId": "BTC-USD-SWAP", "ctType": "inverse", "ctVal": "100", "ctValCcy": "USD", "lotSz": "1",
}  # fmt: skip


@pytest.mark.parametrize(("market", "kind"), [(SPOT, "SPOT"), (SWAP, "SWAP")])
def test_one_request_lists_a_market(market: OkxMarket, kind: str) -> None:
    (request,) = OkxDirectory(market).requests(["BTC-USDT", "ETH-USDT"])
    assert (request.purpose, request.path) == (Purpose.LISTING, f"/api/v5/public/instruments?instType={kind}")


def test_spot_counts_its_base_currency() -> None:
    assert OkxDirectory(SPOT).read([answered(COIN)]) == {
        "BTC-USDT": Listing(
            Instrument(exchange=Exchange.OKX, market=Market.SPOT, symbol="BTC-USDT", name="BTC-USDT"),
            tick="0.1",
            lot="0.00000001",
            state=ListingState.TRADING,
        )
    }


@pytest.mark.parametrize(
    ("row", "symbol", "size", "unit"),
    [
        (LINEAR, "BTC-USDT", "0.01", ContractUnit.BASE),
        (INVERSE, "BTC-USD", "100", ContractUnit.QUOTE),
        ({**LINEAR, "instId": "DOGE-USDT-SWAP", "ctVal": "1000"}, "DOGE-USDT", "1000", ContractUnit.BASE),
        ({**LINEAR, "ctVal": "1", "ctMult": "0.1"}, "BTC-USDT", "0.1", ContractUnit.BASE),
    ],
)
def test_a_contract_is_worth_value_times_multiplier(
    row: dict[str, str], symbol: str, size: str, unit: ContractUnit
) -> None:
    listing = OkxDirectory(SWAP).read([answered(row)])[symbol]
    assert listing.instrument.name == row["instId"]
    assert (listing.instrument.contract_size, listing.instrument.contract_unit) == (size, unit)


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("live", ListingState.TRADING),
        ("suspend", ListingState.PAUSED),
        ("preopen", ListingState.PAUSED),
        ("test", ListingState.PAUSED),
    ],
)
def test_only_what_is_live_can_be_traded(state: str, expected: ListingState) -> None:
    assert OkxDirectory(SPOT).read([answered({**COIN, "state": state})])["BTC-USDT"].state is expected


@pytest.mark.parametrize(
    "wrong",
    [{"ctVal": ""}, {"ctMult": "-1"}, {"ctType": ""}, {"tickSz": "fine"}, {"lotSz": ""}, {"instId": "BTC USDT-SWAP"}],
)
def test_what_cannot_be_used_is_not_listed_and_the_rest_is(wrong: dict[str, Any]) -> None:
    assert list(OkxDirectory(SWAP).read([answered({**LINEAR, **wrong}, INVERSE)])) == ["BTC-USD"]


@pytest.mark.parametrize(
    "body",
    [b"<html>", b'{"code":"50011","msg":"Too Many Requests"}', b'{"code":"0","data":{}}', answered({"instId": 1})],
)
def test_an_answer_that_lists_nothing_is_an_error(body: bytes) -> None:
    with pytest.raises(ContractError, match="instruments"):
        OkxDirectory(SWAP).read([body])
