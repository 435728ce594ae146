from marketprism.sim.deribit.listings import DeribitListing, listing
from marketprism.sim.instruments import Pair


def listed(base: str, quote: str) -> DeribitListing:
    found = listing(Pair(base, quote))
    assert found
    return found


def test_an_inverse_perpetual_counts_dollars_in_tens_and_ticks_of_a_half() -> None:
    bitcoin = listed("BTC", "USD")
    assert (bitcoin.symbol, bitcoin.currency, bitcoin.index, bitcoin.inverse) == (
        "BTC-PERPETUAL",
        "BTC",
        "btc_usd",
        True,
    )
    assert [bytes(bitcoin.price_number(ticks)) for ticks in (126_689, 126_690)] == [b"63344.5", b"63345"]
    assert bytes(bitcoin.amount(2)) == b"20"
    assert bytes(bitcoin.fine_number(126_683_740)) == b"63341.87"


def test_a_linear_perpetual_counts_base_currency() -> None:
    bitcoin = listed("BTC", "USDC")
    assert (bitcoin.symbol, bitcoin.currency, bitcoin.inverse) == ("BTC_USDC-PERPETUAL", "USDC", False)
    assert bytes(bitcoin.amount(3)) == b"0.0003"


def test_any_base_has_a_linear_perpetual_and_only_two_an_inverse_one() -> None:
    assert listed("SOL", "USDC").symbol == "SOL_USDC-PERPETUAL"
    assert listing(Pair("SOL", "USD")) is None
    assert listing(Pair("SOL", "USDT")) is None


def test_a_pair_against_usdt_stands_for_the_inverse_perpetual() -> None:
    assert listed("ETH", "USDT") == listed("ETH", "USD")
