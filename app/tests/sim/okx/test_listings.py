import pytest

from marketprism.sim.instruments import MarketKind, Pair
from marketprism.sim.okx.listings import OkxListing, listing, plain


def listed(market: MarketKind, base: str, quote: str) -> OkxListing:
    found = listing(market, Pair(base, quote))
    assert found
    return found


def test_spot_is_counted_in_base_currency() -> None:
    spot = listed(MarketKind.OKX_SPOT, "BTC", "USDT")
    assert (spot.symbol, spot.kind, spot.contract) == ("BTC-USDT", "SPOT", None)
    assert (spot.price_text(651_230), spot.size_text(240_857), spot.size_text(100_000_000)) == (
        "65123",
        "0.00240857",
        "1",
    )


def test_a_linear_swap_is_counted_in_contracts_of_a_hundredth_of_a_bitcoin() -> None:
    swap = listed(MarketKind.OKX_SWAP, "BTC", "USDT")
    assert (swap.symbol, swap.kind, swap.size_text(3_495)) == ("BTC-USDT-SWAP", "SWAP", "34.95")
    assert swap.coins(3_495, 651_201_000) == "0.3495"
    assert swap.dollars(3_495, 651_201_000) == "22759.47495"  # 34.95 * 0.01 * 65120.1


def test_an_inverse_swap_is_counted_in_contracts_of_a_hundred_dollars() -> None:
    swap = listed(MarketKind.OKX_SWAP, "BTC", "USD")
    assert swap.contract
    assert (swap.symbol, swap.contract.inverse, swap.contract.settle) == ("BTC-USD-SWAP", True, "BTC")
    assert (swap.size_text(123), swap.dollars(123, 500_000_000)) == ("12.3", "1230")
    assert swap.coins(123, 500_000_000) == "0.0246"  # 1230 dollars at 50000.0


def test_a_tick_of_a_trillionth_is_printed_in_full() -> None:
    spot = listed(MarketKind.OKX_SPOT, "SATS", "USDT")
    assert (spot.tick.text(1), spot.price_text(31_250)) == ("0.000000000001", "0.00000003125")


def test_dollars_name_inverse_contracts_and_no_spot_market() -> None:
    assert listing(MarketKind.OKX_SPOT, Pair("BTC", "USD")) is None


@pytest.mark.parametrize("pair", [Pair("SOL", "USDT"), Pair("SOL", "USD")])
def test_any_other_pair_is_listed_with_steps_of_its_own(pair: Pair) -> None:
    swap = listing(MarketKind.OKX_SWAP, pair)
    assert swap
    assert swap == listing(MarketKind.OKX_SWAP, pair)
    assert (swap.symbol, swap.price > 0, swap.lots > 0) == (f"SOL-{pair.quote}-SWAP", True, True)


@pytest.mark.parametrize(
    ("text", "expected"), [("63921.0", "63921"), ("0.10", "0.1"), ("100", "100"), ("0.000", "0"), ("-1.50", "-1.5")]
)
def test_trailing_zeros_are_dropped_after_the_point_only(text: str, expected: str) -> None:
    assert plain(text) == expected
