from marketprism.collector.liveness import FeedState, Liveness
from marketprism.contract.catalog import DATA_TYPES
from marketprism.venues.protocol import ListingState

TRADE, BOOK, LIQUIDATION = ("trade", "BTC-USDT"), ("orderbook", "BTC-USDT"), ("liquidation", "BTC-USDT")
LIMIT = DATA_TYPES["trade"].freshness_seconds
assert LIMIT is not None


def watched() -> Liveness:
    return Liveness([TRADE, BOOK, LIQUIDATION], 100.0)


def test_a_feed_is_waited_for_and_lives_from_its_first_event_on() -> None:
    liveness = watched()
    assert liveness.states(101.0)[TRADE] is FeedState.WAITING
    liveness.seen(TRADE, "market-data", 102.0)
    assert liveness.states(103.0)[TRADE] is FeedState.LIVE
    assert liveness.ages(103.0)[TRADE] == 1.0


def test_a_feed_that_never_delivered_is_told_from_one_that_went_quiet() -> None:
    liveness = watched()
    liveness.seen(TRADE, "market-data", 110.0)
    assert liveness.silent(110.0 + LIMIT + 1) == {TRADE: "went quiet", BOOK: "acknowledged but silent"}


def test_a_feed_may_be_silent_for_exactly_the_contracts_limit() -> None:
    liveness = Liveness([TRADE], 100.0)
    assert liveness.silent(100.0 + LIMIT) == {}
    assert liveness.silent(100.1 + LIMIT) == {TRADE: "acknowledged but silent"}


def test_types_that_are_rare_by_nature_are_never_silent() -> None:
    assert watched().states(100_000.0)[LIQUIDATION] is FeedState.WAITING


def test_a_delisted_symbol_is_delisted_and_never_silent() -> None:
    liveness = watched()
    liveness.listed({"BTC-USDT": ListingState.DELISTED})
    assert set(liveness.states(100_000.0).values()) == {FeedState.DELISTED}
    assert liveness.silent(100_000.0) == {}
    assert liveness.is_delisted("BTC-USDT")
    assert not liveness.is_delisted("ETH-USDT")


def test_a_paused_symbol_is_shown_as_such_and_silent_again_when_trading_goes_on() -> None:
    liveness = watched()
    liveness.listed({"BTC-USDT": ListingState.PAUSED})
    assert liveness.states(100_000.0)[TRADE] is FeedState.PAUSED
    liveness.listed({"BTC-USDT": ListingState.TRADING})
    assert liveness.states(100_000.0)[TRADE] is FeedState.SILENT


def test_carriers_are_learned_from_what_they_brought() -> None:
    liveness = Liveness([TRADE, ("trade", "ETH-USDT"), BOOK], 0.0)
    assert liveness.carriers(TRADE) == set()
    liveness.seen(("trade", "ETH-USDT"), "market", 1.0)
    assert liveness.carriers(TRADE) == {"market"}, "the connection that brings others of its type"
    liveness.seen(TRADE, "market-2", 1.0)
    assert liveness.carriers(TRADE) == {"market-2"}


def test_what_is_expected_anew_keeps_its_age() -> None:
    liveness = watched()
    liveness.seen(TRADE, "market-data", 150.0)
    liveness.expect([TRADE, ("funding_rate", "BTC-USDT")], 160.0)
    assert liveness.ages(170.0) == {TRADE: 20.0, ("funding_rate", "BTC-USDT"): 10.0}
