from collections.abc import Sequence
from typing import Any

from marketprism.sim.binance.listings import listing
from marketprism.sim.disturbance import Disturbance
from marketprism.sim.facts import DepthUpdate, Fill, Liquidation, Mark
from marketprism.sim.faults import FAULTS
from marketprism.sim.injection import Faults, order
from marketprism.sim.instruments import MarketKind, pair
from marketprism.sim.market import TICK_MS, Market
from marketprism.sim.opening import opening_state

NOW = 1_700_000_000_000


def markets() -> list[Market]:
    found = []
    for name in ("BTCUSDT", "ETHUSDT"):
        about = listing(MarketKind.BINANCE_USDM, pair(name))
        state = opening_state(about, seed=1, update_id=1, trade_id=1)
        found.append(Market(about, seed=1, rate=20, state=state))
    return found


def struck(served: Sequence[Market], **fault: Any) -> tuple[Disturbance, Faults]:
    faults = Faults(FAULTS)
    disturbance = Disturbance(faults, served)
    disturbance.strike(faults.inject(order(fault)))
    disturbance.refresh()
    return disturbance, faults


def facts(market: Market, seconds: float) -> list[Any]:
    return [fact for _ in range(int(seconds * 1000 / TICK_MS)) for fact in market.step(NOW)]


def test_a_delisted_market_stands_still_until_the_fault_is_withdrawn() -> None:
    served = markets()
    disturbance, faults = struck(served, fault="delisted", symbol="BTCUSDT")
    assert facts(served[0], 1) == []
    assert facts(served[1], 1)
    faults.withdraw()
    disturbance.refresh()
    assert facts(served[0], 1)


def test_a_burst_multiplies_what_traders_do() -> None:
    calm, busy = markets()[0], markets()[0]
    struck([busy], fault="burst", factor=10)
    fills = [sum(isinstance(fact, Fill) for fact in facts(each, 20)) for each in (calm, busy)]
    assert 6 < fills[1] / fills[0] < 15


def test_a_big_frame_changes_as_many_levels_as_asked_for() -> None:
    [market, _] = markets()
    struck([market], fault="big-frame")
    updates = [fact for fact in facts(market, 0.1) if isinstance(fact, DepthUpdate) and fact.period_ms == 100]
    assert [len(update.bids) + len(update.asks) >= 1226 for update in updates] == [True]


def test_liquidations_come_on_demand_one_a_second_with_the_fills_they_are_made_of() -> None:
    [market, _] = markets()
    facts(market, 0.1)
    struck([market], fault="liquidation", count=3)
    found = facts(market, 3)
    orders = [fact for fact in found if isinstance(fact, Liquidation)]
    fills = {fact.trade_id: fact for fact in found if isinstance(fact, Fill)}
    assert len(orders) == 3
    for each in orders:
        parts = [fills[number] for number in range(each.first_id, each.last_id + 1)]
        assert all(part.forced and part.buyer_is_maker is not each.buys for part in parts)
        assert each.lots >= each.filled_lots >= each.last_lots > 0
        prices = [part.price * 1000 for part in parts]
        assert min(prices) <= each.average <= max(prices)


def test_without_funding_time_and_rate_are_nothing() -> None:
    [market, _] = markets()
    disturbance, _ = struck([market], fault="no-funding", symbol="BTCUSDT")
    [mark] = [fact for fact in market.step(NOW) if isinstance(fact, Mark)]
    told = disturbance.told(market.listing, mark)
    assert isinstance(told, Mark)
    assert mark.funding_ms > NOW
    assert (told.rate, told.funding_ms, told.mark) == (0, 0, mark.mark)


def test_an_old_book_is_kept_as_long_as_stale_snapshots_last() -> None:
    [market, _] = markets()
    facts(market, 2)
    before = market.book.published(500)
    disturbance, faults = struck([market], fault="stale-snapshot")
    facts(market, 2)
    past = market.book.past()
    assert past
    assert past[0] < before[0]
    assert past[1:] != before[1:]
    faults.withdraw()
    disturbance.refresh()
    assert market.book.past() is None
