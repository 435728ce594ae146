"""The waits of a session; what a venue's refusals lead to is in test_session.py, against a real server."""

import time

import pytest

from marketprism.collector.allowance import Places
from marketprism.collector.budget import AttemptBudget
from marketprism.collector.dialing import FRUITLESS_SECONDS, SOUND_SECONDS, Dialing, Redial
from marketprism.collector.state import VenueState


def redial(first: float = 0.5, attempts: AttemptBudget | None = None) -> Redial:
    return Redial(
        "test/one",
        Dialing(
            proxy=None,
            attempts=attempts or AttemptBudget(1000, 1),
            places=Places(10),
            state=VenueState("test"),
            first_wait_seconds=first,
        ),
    )


def wait_of(waits: Redial) -> float:
    return waits.not_before - time.monotonic()


@pytest.mark.parametrize(("first", "bounds"), [(0.2, [0.2, 0.4, 0.8]), (40.0, [40.0, 40.0, 40.0])])
def test_the_first_wait_is_a_setting_and_the_cap_never_below_it(first: float, bounds: list[float]) -> None:
    waits = redial(first)
    assert [waits.backoff.next(1.0) for _ in range(3)] == bounds


def test_waits_grow_with_losses_in_a_row_until_a_connection_was_sound() -> None:
    waits = redial()
    for _ in range(4):
        waits.lost(1.0)
    assert waits.backoff.attempts == 4
    waits.lost(SOUND_SECONDS)
    assert waits.backoff.attempts == 1
    assert 0 < wait_of(waits) <= 0.5


def test_a_replacement_counts_as_a_success() -> None:
    waits = redial()
    waits.failed("no answer", None)
    waits.replaced()
    assert waits.backoff.attempts == 0


def test_a_second_connection_that_delivers_nothing_is_not_tried_again_soon() -> None:
    waits = redial()
    waits.fruitless()
    assert FRUITLESS_SECONDS - 1 < wait_of(waits) <= FRUITLESS_SECONDS


async def test_permission_waits_for_the_session_and_for_the_exchanges_budget() -> None:
    budget = AttemptBudget(1, 0.2)
    waits, started = redial(0.1, budget), time.monotonic()
    await waits.permission()
    waits.lost(0.0)
    await waits.permission()
    assert time.monotonic() - started >= 0.2
    assert budget.wait_ns(time.monotonic_ns()) > 0
