from marketprism.sim.binance.listings import listing
from marketprism.sim.binance.rules import Route
from marketprism.sim.binance.venue import Binance
from marketprism.sim.facts import Aggregate, DepthUpdate, Fact, Fill, Top
from marketprism.sim.hub import Channel
from marketprism.sim.instruments import Listing, MarketKind, pair

SPOT, USDM = listing(MarketKind.BINANCE_SPOT, pair("BTCUSDT")), listing(MarketKind.BINANCE_USDM, pair("BTCUSDT"))
NOW = 1_791_382_992_488
TOP = Top(160, 6_500_000, 10_000, 6_500_001, 20_000)


def channels(about: Listing, fact: Fact) -> list[Channel]:
    return [each.channel for each in Binance().publications(about, fact, NOW)]


def test_every_stream_has_the_documented_name_and_route() -> None:
    found = {}
    for about, periods in ((SPOT, (100, 1000)), (USDM, (100, 250, 500))):
        updates = [DepthUpdate(period, 1, 2, 0, [], [], TOP) for period in periods]
        found[about.market] = {
            channel for fact in (Aggregate(1, 1, 1, 0, 1, 1, False), TOP, *updates) for channel in channels(about, fact)
        }
    names = ("aggTrade", "bookTicker", "depth", "depth@100ms")
    assert found[MarketKind.BINANCE_SPOT] == {(Route.SPOT, f"btcusdt@{name}") for name in names}
    public = ("bookTicker", "depth", "depth@100ms", "depth@500ms")
    expected = {(Route.USDM_PUBLIC, f"btcusdt@{name}") for name in public}
    assert found[MarketKind.BINANCE_USDM] == expected | {(Route.USDM_MARKET, "btcusdt@aggTrade")}


def test_single_fills_of_futures_are_not_published() -> None:
    assert channels(USDM, Fill(1, 1, 1, buyer_is_maker=False)) == []
    assert channels(SPOT, Fill(1, 1, 1, buyer_is_maker=False)) == [(Route.SPOT, "btcusdt@trade")]
