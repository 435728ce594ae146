from marketprism.sim.binance.listings import listing
from marketprism.sim.instruments import MarketKind, pair
from marketprism.sim.opening import entropy, mean_gap, opening_state

ABOUT = listing(MarketKind.BINANCE_SPOT, pair("BTCUSDT"))


def test_a_market_opens_with_a_deep_book_that_is_not_crossed_and_the_ids_it_is_given() -> None:
    state = opening_state(ABOUT, seed=1, update_id=7, trade_id=40)
    assert (state.update_id, state.trade_id, state.aggregate_id) == (7, 40, 20)
    assert state.bids[0][0] + 1 == state.asks[0][0] == ABOUT.price + 1
    assert min(len(state.bids), len(state.asks)) == 800
    assert state.bids == sorted(state.bids, reverse=True)


def test_levels_are_spread_over_the_price_not_over_ticks() -> None:
    assert mean_gap(ABOUT) == ABOUT.price * 0.015 / 1000


def test_every_symbol_has_randomness_of_its_own() -> None:
    others = {
        entropy(listing(kind, pair(name)), seed)
        for kind in (MarketKind.BINANCE_SPOT, MarketKind.BINANCE_USDM)
        for name in ("BTCUSDT", "ETHUSDT")
        for seed in (1, 2)
    }
    assert len(others) == 8
