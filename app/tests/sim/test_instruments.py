import pytest

from marketprism.errors import ConfigurationError
from marketprism.sim.binance.listings import listing
from marketprism.sim.instruments import MarketKind, Step, pair


@pytest.mark.parametrize(
    ("step", "units", "text"),
    [
        (Step(2, 8), 6_512_345, "65123.45000000"),
        (Step(1, 2), 651_201, "65120.10"),
        (Step(0, 0), 42, "42"),
        (Step(0, 8), 42, "42.00000000"),
        (Step(8, 8), 7, "0.00000007"),
        (Step(3, 3), 0, "0.000"),
    ],
)
def test_steps_print_like_the_exchange(step: Step, units: int, text: str) -> None:
    assert step.text(units) == text


@pytest.mark.parametrize("symbol", ["btcusdt", "USDT", "-USDT", "BTC-", "ABCXYZ", ""])
def test_what_is_no_pair_is_refused_with_the_remedy(symbol: str) -> None:
    with pytest.raises(ConfigurationError, match="SOLUSDT"):
        listing(MarketKind.BINANCE_SPOT, pair(symbol))
