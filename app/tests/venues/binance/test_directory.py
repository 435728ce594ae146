"""Canonical symbols come from the exchange's own base and quote."""

from typing import Any

import pytest

from marketprism.contract.instruments import Exchange, Instrument, Market
from marketprism.errors import ContractError
from marketprism.venues.binance.directory import BinanceDirectory
from marketprism.venues.binance.markets import SPOT, USDM
from marketprism.venues.protocol import Listing, ListingState, Purpose, RestRequest
from tests.venues.binance.samples import packed


def row(symbol: str, base: str, quote: str, **changes: Any) -> dict[str, Any]:
    filters = [
        {"filterType": "PRICE_FILTER", "minPrice": "0.01", "tickSize": "0.0001000"},
        {"filterType": "LOT_SIZE", "stepSize": "1.00000000"},
        {"filterType": "MIN_NOTIONAL", "notional": "5"},
    ]
    return {
        "symbol": symbol,
        "status": "TRADING",
        "baseAsset": base,
        "quoteAsset": quote,
        "filters": filters,
        **changes,
    }


def perpetual(symbol: str, base: str, quote: str, **changes: Any) -> dict[str, Any]:
    return row(symbol, base, quote, **{"contractType": "PERPETUAL", **changes})


def info(*symbols: object) -> bytes:
    return packed({"timezone": "UTC", "symbols": list(symbols)})


def test_one_request_lists_everything() -> None:
    assert BinanceDirectory(SPOT).requests(["BTC-USDT"]) == [
        RestRequest(Purpose.LISTING, "", None, "/api/v3/exchangeInfo?showPermissionSets=false", 20)
    ]
    assert BinanceDirectory(USDM).requests([]) == [RestRequest(Purpose.LISTING, "", None, "/fapi/v1/exchangeInfo", 1)]


def test_a_spot_listing_keeps_every_value() -> None:
    assert BinanceDirectory(SPOT).read([info(row("BTCUSDT", "BTC", "USDT"))]) == {
        "BTC-USDT": Listing(
            Instrument(exchange=Exchange.BINANCE, market=Market.SPOT, symbol="BTC-USDT", name="BTCUSDT"),
            tick="0.0001",
            lot="1",
            state=ListingState.TRADING,
        )
    }


@pytest.mark.parametrize(
    ("listed", "symbol", "market"),
    [
        (perpetual("BTCUSDT", "BTC", "USDT"), "BTC-USDT", Market.PERPETUAL),
        (perpetual("XAUUSDT", "XAU", "USDT", contractType="TRADIFI_PERPETUAL"), "XAU-USDT", Market.PERPETUAL),
        (perpetual("币安人生USDT", "币安人生", "USDT"), "币安人生-USDT", Market.PERPETUAL),
        (perpetual("BUSDUSD1", "BUSD", "USD1"), "BUSD-USD1", Market.PERPETUAL),
        (
            perpetual("BTCUSDT_261225", "BTC", "USDT", contractType="CURRENT_QUARTER"),
            "BTC-USDT-261225",
            Market.FUTURE,
        ),
    ],
)
def test_a_contract_has_its_canonical_symbol_and_market(listed: dict[str, Any], symbol: str, market: Market) -> None:
    (listing,) = BinanceDirectory(USDM).read([info(listed)]).values()
    made = listing.instrument
    assert (made.symbol, made.name, made.market) == (symbol, listed["symbol"], market)


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("TRADING", ListingState.TRADING),
        ("BREAK", ListingState.PAUSED),
        ("HALT", ListingState.PAUSED),
        ("PENDING_TRADING", ListingState.PAUSED),
        ("SOMETHING_NEW", ListingState.PAUSED),
        ("SETTLING", ListingState.DELISTED),
        ("DELIVERED", ListingState.DELISTED),
        ("CLOSE", ListingState.DELISTED),
    ],
)
def test_only_what_trades_is_trading(status: str, state: ListingState) -> None:
    (listing,) = BinanceDirectory(SPOT).read([info(row("BTCUSDT", "BTC", "USDT", status=status))]).values()
    assert listing.state is state


@pytest.mark.parametrize(
    "unusable",
    [
        perpetual("BTCUSDT", "BTC", "USDT", contractType="PERPETUAL_SQUARED"),
        perpetual("BTCUSDT", "BTC", "USDT", contractType="CURRENT_QUARTER"),
        perpetual("BTCUSDT", "BTC-2", "USDT"),
        perpetual("BTCUSDT", "", "USDT"),
        perpetual("BTCUSDT", "BTC", "USDT", filters=[]),
        perpetual("BTCUSDT", "BTC", "USDT", baseAsset=None),
        row("BTCUSDT", "BTC", "USDT"),
        "BTCUSDT",
    ],
)
def test_a_listing_that_cannot_be_understood_hides_no_other(unusable: object) -> None:
    found = BinanceDirectory(USDM).read([info(unusable, perpetual("ETHUSDT", "ETH", "USDT"))])
    assert list(found) == ["ETH-USDT"]


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"code":-1003,"msg":"Way too much request weight used"}'])
def test_an_answer_that_is_no_list_is_an_error_that_shows_it(body: bytes) -> None:
    with pytest.raises(ContractError, match="no list of instruments"):
        BinanceDirectory(SPOT).read([body])
