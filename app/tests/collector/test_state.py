import pytest

from marketprism.collector.state import LIMITED_WAIT_SECONDS, Condition, VenueState, retry_after
from marketprism.venues.protocol import SECOND_NS


def started() -> VenueState:
    state = VenueState("okx-swap")
    state.started()
    return state


def test_a_venue_starts_until_its_instruments_are_known() -> None:
    state = VenueState("okx-swap")
    assert (state.condition(0), state.cause(0)) == (Condition.STARTING, None)
    state.waits("/instruments: HTTP 500")
    assert state.cause(0) == "waits for its list of instruments: /instruments: HTTP 500"
    state.started()
    assert (state.condition(0), state.cause(0)) == (Condition.COLLECTING, None)


def test_a_blocked_venue_is_served_again_when_every_source_that_was_blocked_is() -> None:
    state = started()
    state.blocked("rest", "HTTP 451 restricted location")
    state.blocked("okx-swap/public-1", "answers HTTP 403")
    assert state.cause(0) == "blocked: HTTP 451 restricted location"
    state.served("rest")
    assert state.condition(0) is Condition.BLOCKED
    state.served("okx-swap/public-1")
    assert state.condition(0) is Condition.COLLECTING


def test_a_limited_venue_is_free_at_the_time_given() -> None:
    state = started()
    state.limited(30, "HTTP 429", 5 * SECOND_NS)
    assert state.condition(6 * SECOND_NS) is Condition.LIMITED
    assert state.cause(6 * SECOND_NS) == "rate limited for 29 s more: HTTP 429"
    assert state.condition(35 * SECOND_NS) is Condition.COLLECTING


def test_a_shorter_limit_does_not_end_a_longer_one() -> None:
    state = started()
    state.limited(120, "HTTP 418", 0)
    state.limited(1, "HTTP 429", 0)
    assert state.condition(100 * SECOND_NS) is Condition.LIMITED


def test_a_clock_that_is_set_back_does_not_prolong_a_limit() -> None:
    state = started()
    state.limited(30, "HTTP 429", 3_600 * SECOND_NS)
    assert state.condition(6 * SECOND_NS) is Condition.COLLECTING


@pytest.mark.parametrize(
    ("header", "seconds"), [("7", 7.0), (None, LIMITED_WAIT_SECONDS), ("Wed, 21 Oct 2026", LIMITED_WAIT_SECONDS)]
)
def test_retry_after_is_read_or_replaced_by_the_venues_window(header: str | None, seconds: float) -> None:
    assert retry_after(header) == seconds
