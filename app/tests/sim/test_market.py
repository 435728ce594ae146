import itertools
from collections.abc import Iterator

import msgspec
import pytest

from marketprism.sim.binance import frames
from marketprism.sim.binance.listings import listing
from marketprism.sim.binance.venue import Binance
from marketprism.sim.facts import Aggregate, DepthUpdate, Fact, Fill, Top
from marketprism.sim.instruments import Listing, MarketKind, pair
from marketprism.sim.market import TICK_MS, Market
from marketprism.sim.opening import MarketState, opening_state
from tests.sim.binance.checker import OfficialBook, compared
from tests.sim.conftest import Frame

LISTED = [
    listing(MarketKind.BINANCE_SPOT, pair("BTCUSDT")),
    listing(MarketKind.BINANCE_USDM, pair("BTCUSDT")),
    listing(MarketKind.BINANCE_SPOT, pair("PEPEUSDT")),
    listing(MarketKind.BINANCE_USDM, pair("币安人生USDT")),
]
MINUTE = 60_000 // TICK_MS
NOW = 1_700_000_000_000


def opened(about: Listing, seed: int = 1, rate: float = 20) -> Market:
    state = opening_state(about, seed=seed, update_id=1_000, trade_id=500)
    return Market(about, seed=seed, rate=rate, state=state)


def facts(market: Market, ticks: int) -> Iterator[Fact]:
    for _ in range(ticks):
        yield from market.step(NOW)


def wire(market: Market, found: Fact) -> Frame:
    frame: Frame = msgspec.json.decode(frames.encode(_rendered(market.listing, found)))
    return frame


def _rendered(about: Listing, found: Fact) -> Frame:
    [publication] = Binance().publications(about, found, NOW)
    return publication.render()


def snapshot(market: Market) -> Frame:
    frame: Frame = msgspec.json.decode(
        frames.encode(frames.snapshot(market.listing, *market.book.now(), 1_700_000_000_000))
    )
    return frame


@pytest.fixture(params=LISTED, ids=lambda about: about.key)
def market(request: pytest.FixtureRequest) -> Market:
    return opened(request.param)


def test_book_rebuilt_from_the_wire_equals_every_ticker_of_equal_id(market: Market) -> None:
    early = [each for each in facts(market, 7) if _is_oracle_material(each)]
    book = OfficialBook.of(snapshot(market))
    later = [each for each in facts(market, MINUTE) if _is_oracle_material(each)]
    equal = compared(book, [wire(market, each) for each in early + later])
    assert book.applied > 550
    assert equal > 150


def _is_oracle_material(each: Fact) -> bool:
    return isinstance(each, Top) or (isinstance(each, DepthUpdate) and each.period_ms == 100)


def test_same_seed_gives_the_same_market_and_another_seed_another() -> None:
    about = listing(MarketKind.BINANCE_SPOT, pair("BTCUSDT"))
    first, again, other = (list(facts(opened(about, seed), 400)) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_a_market_continues_from_its_state_as_if_it_had_not_stopped() -> None:
    about = listing(MarketKind.BINANCE_USDM, pair("ETHUSDT"))
    whole, half = opened(about), opened(about)
    expected = list(facts(whole, 800))
    before = [*facts(half, 400), *half.flush()]
    state = msgspec.json.decode(msgspec.json.encode(half.state()), type=MarketState)
    resumed = Market(about, seed=1, rate=20, state=state)
    after = list(facts(resumed, 400))
    trades = [each for each in before + after if isinstance(each, Fill | Aggregate | Top)]
    assert trades == [each for each in expected if isinstance(each, Fill | Aggregate | Top)]
    assert resumed.state() == whole.state()


def test_flushed_updates_leave_no_gap_over_a_restart() -> None:
    about = listing(MarketKind.BINANCE_SPOT, pair("BTCUSDT"))
    market = opened(about)
    updates = [each for each in [*facts(market, 402), *market.flush()] if isinstance(each, DepthUpdate)]
    resumed = Market(about, seed=1, rate=20, state=market.state())
    updates += [each for each in facts(resumed, 400) if isinstance(each, DepthUpdate)]
    for period in (100, 1000):
        chain = [each for each in updates if each.period_ms == period]
        assert all(after.first_id == before.last_id + 1 for before, after in itertools.pairwise(chain))


def test_trade_and_aggregate_ids_are_contiguous_and_aggregates_cover_all_fills(market: Market) -> None:
    found = list(facts(market, MINUTE))
    fills = {each.trade_id: each for each in found if isinstance(each, Fill)}
    aggregates = [each for each in found if isinstance(each, Aggregate)]
    assert list(fills) == list(range(501, 501 + len(fills)))
    assert [each.aggregate_id for each in aggregates] == list(range(251, 251 + len(aggregates)))
    covered = 501
    for each in aggregates:
        parts = [fills[number] for number in range(each.first_id, each.last_id + 1)]
        assert each.first_id == covered
        covered = each.last_id + 1
        assert sum(part.lots for part in parts) == each.lots
        assert {(part.price, part.buyer_is_maker) for part in parts} == {(each.price, each.buyer_is_maker)}


def test_futures_ids_are_shared_with_other_symbols_and_spot_ids_are_not() -> None:
    chains = {}
    for kind in (MarketKind.BINANCE_SPOT, MarketKind.BINANCE_USDM):
        found = facts(opened(listing(kind, pair("BTCUSDT"))), MINUTE)
        chains[kind] = [each for each in found if isinstance(each, DepthUpdate) and each.period_ms == 100]
    for chain in chains.values():
        assert all(after.previous_id == before.last_id for before, after in itertools.pairwise(chain))
    pairs = {kind: list(itertools.pairwise(chain)) for kind, chain in chains.items()}
    assert all(after.first_id == before.last_id + 1 for before, after in pairs[MarketKind.BINANCE_SPOT])
    assert any(after.first_id != before.last_id + 1 for before, after in pairs[MarketKind.BINANCE_USDM])


def test_a_trade_takes_its_quantity_from_the_best_level(market: Market) -> None:
    """The ticker before a trade and the one after it differ by exactly what was traded."""
    checked = 0
    for _ in range(MINUTE):
        best = market.book.top()
        trades: list[Aggregate] = []
        for each in market.step(NOW):
            match each:
                case Aggregate():
                    trades.append(each)
                case Top() if trades:
                    [trade] = trades
                    side = (best.bid, best.bid_lots) if trade.buyer_is_maker else (best.ask, best.ask_lots)
                    after = (each.bid, each.bid_lots) if trade.buyer_is_maker else (each.ask, each.ask_lots)
                    assert trade.price == side[0]
                    left = side[1] - (trade.lots - trade.hidden_lots)
                    assert after == (side[0], left) if left else after[0] != side[0]
                    trades, best, checked = [], each, checked + 1
                case Top():
                    best = each
    assert checked > 300


def test_book_stays_deep_and_in_range_for_ten_minutes() -> None:
    market = opened(listing(MarketKind.BINANCE_SPOT, pair("PEPEUSDT")))
    home = market.listing.price
    for _ in facts(market, 10 * MINUTE):
        pass
    assert min(len(market.book.bids), len(market.book.asks)) >= 500
    assert abs(market.book.top().bid - home) < home * 0.1


def test_rate_is_kept_in_the_long_run(market: Market) -> None:
    fills = sum(isinstance(each, Fill) for each in facts(market, 3 * MINUTE))
    assert 14 < fills / 180 < 28
