"""A missing trade is told, asked for, and told again when it has come."""

import pytest

from marketprism.contract.events import Gap, Side, Trade, TradeIdKind
from marketprism.pipeline.outputs import FeedCounters, Output, Record
from marketprism.pipeline.trades import MAX_TRIES, RETRY_NS, TradeFeed
from marketprism.venues.protocol import RestRequest
from tests.pipeline.venue import BTC, TestVenue


def trade(first: int, last: int | None = None) -> Trade:
    last_id = first if last is None else last
    return Trade(
        id_kind=TradeIdKind.FILL,
        trade_id=last_id,
        first_fill_id=first,
        last_fill_id=last_id,
        price="1",
        quantity="2",
        side=Side.BUY,
        timestamp_us=first * 1000,
        event_us=first * 1000,
        receive_ns=first * 1_000_000,
    )


def requests(outputs: list[Output]) -> list[tuple[int, int]]:
    return [(output.first_id, output.last_id) for output in outputs if isinstance(output, RestRequest)]


def events(outputs: list[Output]) -> list[object]:
    return [output.event for output in outputs if isinstance(output, Record)]


@pytest.fixture
def feed() -> TradeFeed:
    return TradeFeed(TestVenue(), BTC, FeedCounters())


@pytest.fixture
def holed(feed: TradeFeed) -> TradeFeed:
    """Fills 4 to 9 are missing."""
    feed.trade(trade(1, 3))
    feed.trade(trade(10))
    return feed


def request(first: int, last: int) -> RestRequest:
    found = TestVenue().heal_request(BTC, first, last)
    assert found is not None
    return found


def test_a_hole_is_told_asked_for_and_the_trade_after_it_published(feed: TradeFeed) -> None:
    feed.trade(trade(1, 3))
    outputs = feed.trade(trade(10))
    gap, seen = events(outputs)
    assert gap == Gap(data_type="trade", after_id=3, before_id=10, size=6, timestamp_us=10_000, receive_ns=10_000_000)
    assert seen == trade(10)
    assert requests(outputs) == [(4, 9)]


def test_one_answer_that_holds_everything_heals_the_hole(holed: TradeFeed) -> None:
    answer = [trade(n) for n in (3, 4, 5, 6, 7, 8, 9, 10)]
    *found, healed = events(holed.answer(request(4, 9), answer, 99))
    assert found == [trade(n) for n in range(4, 10)], "what is outside of the hole is known already"
    assert isinstance(healed, Gap)
    assert (healed.healed_by, healed.healed_ns, healed.after_id, healed.before_id) == ("rest", 99, 3, 10)


@pytest.mark.parametrize(("first", "rest"), [((4, 5, 6), (7, 9)), ((9, 8, 7), (4, 6))])
def test_a_part_is_published_and_the_rest_asked_for_from_either_end(
    holed: TradeFeed, first: tuple[int, ...], rest: tuple[int, int]
) -> None:
    outputs = holed.answer(request(4, 9), [trade(n) for n in first], 99)
    assert events(outputs) == [trade(n) for n in sorted(first)]
    assert requests(outputs) == [rest]
    *_, healed = events(holed.answer(request(*rest), [trade(n) for n in range(rest[0], rest[1] + 1)], 100))
    assert isinstance(healed, Gap)


def test_an_answer_without_news_is_asked_for_again_a_few_times_and_then_left_in_the_ledger(holed: TradeFeed) -> None:
    now = 0
    for _ in range(MAX_TRIES - 1):
        assert holed.answer(request(4, 9), [], now) == []
        assert holed.due(now + RETRY_NS - 1) == []
        now += RETRY_NS
        assert requests(holed.due(now)) == [(4, 9)]
    holed.failed(request(4, 9), now)
    assert holed.due(now + 10 * RETRY_NS) == []


def test_a_venue_that_gives_no_history_leaves_the_hole_in_the_ledger() -> None:
    feed = TradeFeed(TestVenue(heals=False), BTC, FeedCounters())
    feed.trade(trade(1))
    outputs = feed.trade(trade(3))
    assert requests(outputs) == []
    assert len(events(outputs)) == 2


def test_an_answer_to_a_hole_that_is_healed_already_changes_nothing(holed: TradeFeed) -> None:
    holed.answer(request(4, 9), [trade(n) for n in range(4, 10)], 99)
    assert holed.answer(request(4, 9), [trade(n) for n in range(4, 10)], 100) == []


def test_a_clock_that_is_set_back_does_not_delay_the_next_try(holed: TradeFeed) -> None:
    holed.failed(request(4, 9), 1000 * RETRY_NS)
    assert requests(holed.due(5)) == [(4, 9)]
