from pathlib import Path

import msgspec
import pytest

from marketprism.errors import ConfigurationError
from marketprism.sim.binance.listings import listing
from marketprism.sim.facts import Fill
from marketprism.sim.instruments import MarketKind, Step, pair
from marketprism.sim.market import MAX_RATE, TICK_MS, Market
from marketprism.sim.state import (
    TRADE_IDS_PER_MS,
    UPDATE_IDS_PER_MS,
    SavedExchange,
    StateFile,
    load,
    starting_state,
)

ABOUT = listing(MarketKind.BINANCE_USDM, pair("BTCUSDT"))
NOW = 1_800_000_000_000


def fresh(rate: float = 20) -> Market:
    return Market(ABOUT, seed=1, rate=rate, state=starting_state(ABOUT, 1, None, NOW))


async def saved(path: Path, market: Market, *, clean: bool) -> SavedExchange:
    await StateFile(path, [market], {}).save(clean=clean)
    found = load(path)
    assert found is not None
    return found


async def test_after_a_clean_stop_the_market_continues_exactly_where_it_was(tmp_path: Path) -> None:
    market = fresh()
    market.step(NOW)
    found = await saved(tmp_path / "state", market, clean=True)
    assert starting_state(ABOUT, 1, found, NOW + 10**9) == market.state()


async def test_after_a_kill_ids_jump_past_everything_that_may_have_been_used(tmp_path: Path) -> None:
    """The busiest market runs on for the whole time between the last save and the restart."""
    market = fresh(rate=MAX_RATE)
    found = await saved(tmp_path / "state", market, clean=False)
    seconds = 20
    for _ in range(seconds * 1000 // TICK_MS):
        market.step(NOW)
    resumed = starting_state(ABOUT, 1, found, found.saved_ms + seconds * 1000)
    used = market.state()
    assert resumed.update_id > used.update_id
    assert resumed.trade_id > used.trade_id
    assert resumed.aggregate_id > used.aggregate_id


def test_without_a_state_file_ids_stay_above_those_of_any_earlier_run() -> None:
    early = fresh(rate=MAX_RATE)
    for _ in range(10_000 // TICK_MS):
        early.step(NOW)
    late = starting_state(ABOUT, 1, None, NOW + 10_000)
    assert late.update_id > early.book.update_id
    assert late.trade_id > early.state().trade_id


def test_the_fastest_market_uses_fewer_ids_than_the_wall_clock_gives() -> None:
    market = fresh(rate=MAX_RATE)
    first, seconds = market.state(), 10
    fills = sum(isinstance(each, Fill) for _ in range(seconds * 1000 // TICK_MS) for each in market.step(NOW))
    assert fills < seconds * 1000 * TRADE_IDS_PER_MS * 0.8
    assert market.book.update_id - first.update_id < seconds * 1000 * UPDATE_IDS_PER_MS * 0.8


def test_symbols_count_from_different_ids() -> None:
    others = {
        starting_state(listing(kind, pair(name)), 1, None, NOW).update_id
        for kind in (MarketKind.BINANCE_SPOT, MarketKind.BINANCE_USDM)
        for name in ("BTCUSDT", "ETHUSDT")
    }
    assert len(others) == 4


async def test_a_changed_step_opens_a_new_book_with_higher_ids(tmp_path: Path) -> None:
    market = fresh()
    found = await saved(tmp_path / "state", market, clean=True)
    changed = msgspec.structs.replace(found.markets[ABOUT.key], tick_digits=5)
    state = starting_state(ABOUT, 1, msgspec.structs.replace(found, markets={ABOUT.key: changed}), NOW)
    assert state.update_id >= market.book.update_id
    assert ABOUT.tick == Step(1, 2)


async def test_markets_that_are_not_served_now_keep_their_place(tmp_path: Path) -> None:
    first = await saved(tmp_path / "state", fresh(), clean=True)
    other = Market(listing(MarketKind.BINANCE_SPOT, pair("ETHUSDT")), seed=1, rate=20, state=fresh().state())
    await StateFile(tmp_path / "state", [other], first.markets).save(clean=True)
    second = load(tmp_path / "state")
    assert second is not None
    assert set(second.markets) == {"binance-usdm:BTCUSDT", "binance-spot:ETHUSDT"}


def test_a_broken_file_is_refused_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "state").write_text('{"clean": true')
    with pytest.raises(ConfigurationError, match="move it aside"):
        load(tmp_path / "state")
