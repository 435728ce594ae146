from marketprism.sim.binance.listings import listing
from marketprism.sim.derivative import BAR_MS, Derivative
from marketprism.sim.instruments import MarketKind, pair
from marketprism.sim.opening import entropy

ABOUT = listing(MarketKind.BINANCE_USDM, pair("BTCUSDT"))
HOUR_MS = 3_600_000
NOW = 1_791_382_993_000


def derivative(seed: int = 1, name: str = "BTCUSDT") -> Derivative:
    about = listing(MarketKind.BINANCE_USDM, pair(name))
    return Derivative(about, entropy(about, seed))


def test_funding_is_settled_at_the_next_multiple_of_the_interval() -> None:
    found = derivative()
    mark = found.mark(40, 651_201.5, NOW)
    assert mark.interval_ms in {4 * HOUR_MS, 8 * HOUR_MS}
    assert mark.funding_ms % mark.interval_ms == 0
    assert 0 < mark.funding_ms - NOW <= mark.interval_ms
    assert found.mark(40, 651_201.5, mark.funding_ms).funding_ms == mark.funding_ms + mark.interval_ms


def test_prices_are_in_thousandths_of_a_tick_and_close_to_each_other() -> None:
    mark = derivative().mark(40, 651_201.5, NOW)
    assert mark.mark == 651_201_500
    for price in (mark.average, mark.index, mark.settle):
        assert price != mark.mark
        assert abs(price - mark.mark) < mark.mark * 1e-3


def test_rates_are_small_and_of_both_signs_over_a_day() -> None:
    found = derivative()
    rates = [found.mark(tick, 651_201.5, NOW).rate for tick in range(0, 24 * 3600 * 40, 40 * 60)]
    assert min(rates) < 0 < max(rates)
    assert max(map(abs, rates)) < 2e-4 * 1e16


def test_the_figures_are_functions_of_seed_symbol_and_number() -> None:
    first, again, other, elsewhere = derivative(), derivative(), derivative(2), derivative(1, "ETHUSDT")
    for figure in ("open_interest", "volatility", "ratios"):
        values = [getattr(each, figure)(BAR_MS * 7) for each in (first, again, other, elsewhere)]
        assert values[0] == values[1]
        assert len(set(values)) == 3


def test_ratios_are_shares_and_differ_from_bar_to_bar() -> None:
    found = [derivative().ratios(bar * BAR_MS) for bar in range(200)]
    assert all(0 < each.top_position_long < 10_000 and 0 < each.all_account_long < 10_000 for each in found)
    assert len({each.top_position_long for each in found}) > 100
    assert found[1].top_position_long != found[1].all_account_long


def test_open_interest_is_many_levels_and_volatility_a_percentage() -> None:
    assert derivative().open_interest(5).lots > 10_000 * ABOUT.lots
    assert 3_000 < derivative().volatility(5).hundredths < 7_000
