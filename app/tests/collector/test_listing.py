import pytest

from marketprism.collector.listing import require_listed, states
from marketprism.errors import ConfigurationError
from marketprism.venues.protocol import Listing, ListingState
from tests.collector.events import instrument


def listed(**states_by_base: ListingState) -> dict[str, Listing]:
    return {
        f"{base}-USDT": Listing(instrument(f"{base}-USDT"), "0.01", "0.00001", state)
        for base, state in states_by_base.items()
    }


LISTINGS = listed(BTC=ListingState.TRADING, ETH=ListingState.PAUSED, LUNA=ListingState.DELISTED)


def test_the_instruments_of_the_symbols_are_returned_in_their_order() -> None:
    found = require_listed("binance-spot", ("ETH-USDT", "BTC-USDT"), LISTINGS)
    assert [each.name for each in found] == ["ETHUSDT", "BTCUSDT"]


def test_an_unknown_symbol_is_an_error_that_names_near_ones_and_the_setting() -> None:
    with pytest.raises(ConfigurationError) as raised:
        require_listed("binance-spot", ("BTC-USTD",), LISTINGS)
    assert str(raised.value) == (
        "binance-spot does not list 'BTC-USTD'; did you mean BTC-USDT or ETH-USDT? correct venues.binance-spot.symbols"
    )


def test_a_symbol_like_no_other_is_an_error_without_a_guess() -> None:
    with pytest.raises(ConfigurationError, match=r"does not list 'XAU-EUR'; correct venues\.okx-swap\.symbols"):
        require_listed("okx-swap", ("XAU-EUR",), LISTINGS)


def test_a_symbol_that_left_the_list_is_delisted() -> None:
    assert states(("BTC-USDT", "ETH-USDT", "LUNA-USDT", "FTT-USDT"), LISTINGS) == {
        "BTC-USDT": ListingState.TRADING,
        "ETH-USDT": ListingState.PAUSED,
        "LUNA-USDT": ListingState.DELISTED,
        "FTT-USDT": ListingState.DELISTED,
    }
