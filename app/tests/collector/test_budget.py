from marketprism.collector.budget import MINUTE_NS, WeightBudget

SECOND_NS = 1_000_000_000


def test_requests_go_until_the_share_is_used_and_then_wait_for_the_next_minute() -> None:
    budget = WeightBudget(1000)
    now = 100 * MINUTE_NS + 20 * SECOND_NS
    sent = 0
    while budget.wait_ns(250, now) == 0:
        budget.spend(250, now)
        sent += 1
    assert sent == 3
    assert budget.wait_ns(250, now) == 40 * SECOND_NS
    assert budget.wait_ns(250, 101 * MINUTE_NS) == 0


def test_the_venues_own_count_includes_what_others_at_our_address_used() -> None:
    budget = WeightBudget(1000)
    budget.observe(790, 5)
    assert budget.wait_ns(20, 5) > 0


def test_an_older_count_of_the_venue_never_lowers_ours() -> None:
    budget = WeightBudget(1000)
    budget.spend(500, 5)
    budget.observe(250, 5)
    assert budget.used == 500


def test_a_closed_budget_opens_when_the_venue_said() -> None:
    budget = WeightBudget(1000)
    budget.close(7, 0)
    assert budget.wait_ns(1, 2 * SECOND_NS) == 5 * SECOND_NS
    assert budget.wait_ns(1, 7 * SECOND_NS) == 0


def test_a_request_heavier_than_the_share_may_go_alone() -> None:
    assert WeightBudget(100).wait_ns(250, 5) == 0
