import pytest

from marketprism.collector.budget import ATTEMPTS, MINUTE_NS, AttemptBudget, WeightBudget
from marketprism.contract.instruments import Exchange
from marketprism.venues.protocol import SECOND_NS, Purpose

OTHERS = (Purpose.LISTING, Purpose.POLL, Purpose.HEAL, Purpose.REFRESH)


def flood(budget: WeightBudget, purpose: Purpose, weight: int, now: int = 5) -> int:
    """Send as many requests as may go now; return their weight."""
    sent = 0
    while budget.wait_ns(purpose, weight, now) == 0:
        budget.spend(purpose, weight, now)
        sent += weight
    return sent


def test_requests_go_until_the_share_is_used_and_then_wait_for_the_next_minute() -> None:
    budget = WeightBudget(1000)
    now = 100 * MINUTE_NS + 20 * SECOND_NS
    assert flood(budget, Purpose.BOOK, 240, now) == 720
    assert budget.wait_ns(Purpose.BOOK, 240, now) == 40 * SECOND_NS
    assert budget.wait_ns(Purpose.BOOK, 240, 101 * MINUTE_NS) == 0


def test_a_flood_of_all_other_purposes_leaves_weight_for_books() -> None:
    budget = WeightBudget(1000)
    assert sum(flood(budget, purpose, 10) for purpose in OTHERS) <= 640
    assert flood(budget, Purpose.BOOK, 10) == 160


@pytest.mark.parametrize("purpose", OTHERS)
def test_a_flood_of_books_leaves_weight_for_every_other_purpose(purpose: Purpose) -> None:
    budget = WeightBudget(1000)
    assert flood(budget, Purpose.BOOK, 10) == 720
    assert flood(budget, purpose, 10) > 0


def test_the_exchanges_own_count_includes_what_others_at_our_address_used() -> None:
    budget = WeightBudget(1000)
    budget.observe(790, 5)
    assert budget.wait_ns(Purpose.BOOK, 20, 5) > 0


def test_an_older_count_of_the_exchange_never_lowers_ours() -> None:
    budget = WeightBudget(1000)
    budget.spend(Purpose.BOOK, 500, 5)
    budget.observe(250, 5)
    assert budget.used == 500


def test_a_closed_budget_opens_when_the_exchange_said() -> None:
    budget = WeightBudget(1000)
    budget.close(7, 0)
    assert budget.wait_ns(Purpose.BOOK, 1, 2 * SECOND_NS) == 5 * SECOND_NS
    assert budget.wait_ns(Purpose.BOOK, 1, 7 * SECOND_NS) == 0


def test_a_clock_that_is_set_back_opens_a_closed_budget() -> None:
    budget = WeightBudget(1000)
    budget.close(7, 3_600 * SECOND_NS)
    assert budget.wait_ns(Purpose.BOOK, 1, 2 * SECOND_NS) == 0


def test_a_request_heavier_than_the_share_may_go_alone() -> None:
    assert WeightBudget(100).wait_ns(Purpose.BOOK, 250, 5) == 0


def test_attempts_wait_until_the_oldest_leaves_the_window() -> None:
    budget = AttemptBudget(2, 10)
    for now in (0, 4 * SECOND_NS):
        assert budget.wait_ns(now) == 0
        budget.spend(now)
    assert budget.wait_ns(5 * SECOND_NS) == 5 * SECOND_NS
    assert budget.wait_ns(10 * SECOND_NS) == 0


def test_a_refused_attempt_closes_the_budget_for_the_time_given() -> None:
    budget = AttemptBudget(100, 10)
    budget.close(30, SECOND_NS)
    assert budget.wait_ns(11 * SECOND_NS) == 20 * SECOND_NS
    assert budget.wait_ns(31 * SECOND_NS) == 0


def test_every_exchange_has_a_limit_of_attempts_below_its_own() -> None:
    assert set(ATTEMPTS) == set(Exchange)
    per_second = {exchange: count / seconds for exchange, (count, seconds) in ATTEMPTS.items()}
    assert per_second[Exchange.BINANCE] < 300 / 300
    assert per_second[Exchange.OKX] < 3
