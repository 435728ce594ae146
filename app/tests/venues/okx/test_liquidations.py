"""Liquidations of our instruments are picked from those of all, and measured like trades."""

from typing import Any

import msgspec
import pytest

from marketprism.contract.events import Liquidation, Side
from marketprism.venues.okx import liquidations
from marketprism.venues.protocol import Observed, Refusal, VenueEvent
from tests.venues.okx.wire import BTC, BTC_INVERSE, RECEIVE_NS, liquidation, pushed

INSTRUMENTS = {each.name: each for each in (BTC, BTC_INVERSE)}


def read(*rows: dict[str, Any]) -> list[VenueEvent]:
    return liquidations.read(INSTRUMENTS, pushed("liquidation-orders", *rows, about="SWAP"), RECEIVE_NS)


def test_a_liquidation_keeps_every_value() -> None:
    """A purchase closes a short."""
    assert read(liquidation("BTC-USDT-SWAP", {"side": "buy", "posSide": "short"})) == [
        Observed(
            "liquidation",
            BTC,
            Liquidation(
                side=Side.BUY,
                price="62500",
                quantity="0.39",
                contracts="39",
                ordinal=0,
                timestamp_us=1680173247614000,
                receive_ns=RECEIVE_NS,
            ),
        )
    ]


def test_contracts_of_quote_currency_are_measured_at_the_bankruptcy_price() -> None:
    (seen,) = read(liquidation("BTC-USD-SWAP", {"sz": "5", "side": "sell"}))
    assert isinstance(seen, Observed)
    assert isinstance(seen.event, Liquidation)
    assert (seen.event.side, seen.event.quantity, seen.event.contracts) == (Side.SELL, "0.008", "5")


def test_rows_of_other_instruments_are_normal_and_counted_into_the_ordinal() -> None:
    found = read(
        liquidation("XRP-USD-SWAP", {}, {"bkPx": ""}),
        liquidation("BTC-USDT-SWAP", {}, {}),
        liquidation("BTC-USD-SWAP", {}),
    )
    assert [(e.instrument, e.event.ordinal) for e in found if isinstance(e, Observed)] == [
        (BTC, 2),
        (BTC, 3),
        (BTC_INVERSE, 4),
    ]


@pytest.mark.parametrize("wrong", [{"bkPx": "0"}, {"bkPx": ""}, {"sz": "-1"}])
def test_numbers_that_make_no_liquidation_are_refused(wrong: dict[str, str]) -> None:
    refused, seen = read(liquidation("BTC-USD-SWAP", wrong, {}))
    assert isinstance(refused, Refusal)
    assert refused.reason == "liquidation_number"
    assert isinstance(seen, Observed)


@pytest.mark.parametrize("wrong", [{"side": "net"}, {"ts": "-1"}, {"sz": 1}])
def test_a_row_of_the_wrong_shape_does_not_decode(wrong: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        read(liquidation("BTC-USDT-SWAP", wrong))
