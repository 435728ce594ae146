from itertools import pairwise

from marketprism.collector.liveness import Liveness
from marketprism.collector.renewal import CAP_SECONDS, FIRST_SECONDS, Renewals

TRADE, BOOK = ("trade", "BTC-USDT"), ("orderbook", "BTC-USDT")
OPEN = {"public": 0.0, "market": 0.0}


def liveness() -> Liveness:
    made = Liveness([TRADE, BOOK], 0.0)
    made.seen(TRADE, "market", 1.0)
    return made


def test_the_connection_that_brought_a_feed_is_renewed_when_that_falls_silent() -> None:
    assert Renewals(OPEN).due([TRADE], liveness(), OPEN, 100.0) == {"market": TRADE}


def test_a_feed_that_came_over_no_connection_yet_may_be_anyones() -> None:
    assert set(Renewals(OPEN).due([BOOK], liveness(), OPEN, 100.0)) == {"public", "market"}


def test_a_connection_has_the_feeds_own_time_to_deliver_first() -> None:
    assert Renewals(OPEN).due([TRADE], liveness(), {"market": 90.0}, 100.0) == {}


def test_a_connection_that_is_not_open_is_left_to_its_reconnects() -> None:
    assert Renewals(OPEN).due([TRADE], liveness(), {"public": 0.0}, 100.0) == {}


def test_renewals_that_cure_nothing_become_rare() -> None:
    renewals, silent = Renewals(OPEN), liveness()
    times = [now for now in range(100, 20_000, 10) if renewals.due([TRADE], silent, OPEN, float(now))]
    waits = [after - before for before, after in pairwise(times)]
    assert waits == [FIRST_SECONDS, 2 * FIRST_SECONDS, 4 * FIRST_SECONDS, 8 * FIRST_SECONDS, 16 * FIRST_SECONDS] + [
        CAP_SECONDS
    ] * (len(waits) - 5)


def test_a_new_connection_that_is_silent_too_has_cured_nothing() -> None:
    renewals, silent, open_since = Renewals(OPEN), liveness(), dict(OPEN)
    times = []
    for now in range(100, 3_000):
        if renewals.due([TRADE], silent, open_since, float(now)):
            times.append(now)
            open_since["market"] = float(now)
    waits = [after - before for before, after in pairwise(times)]
    assert waits == [FIRST_SECONDS, 2 * FIRST_SECONDS, 4 * FIRST_SECONDS, 8 * FIRST_SECONDS]


def test_a_feed_that_lives_again_makes_the_next_renewal_early_again_but_never_at_once() -> None:
    renewals, silent = Renewals(OPEN), liveness()
    assert renewals.due([TRADE], silent, OPEN, 100.0)
    assert renewals.due([TRADE], silent, OPEN, 280.0)
    assert renewals.due([], silent, OPEN, 281.0) == {}
    assert renewals.due([TRADE], silent, OPEN, 282.0) == {}
    assert renewals.due([TRADE], silent, OPEN, 640.0)
    assert renewals.due([TRADE], silent, OPEN, 640.0 + FIRST_SECONDS)


def test_a_feed_whose_answer_over_rest_came_late_has_its_time_again() -> None:
    renewals, silent = Renewals(OPEN), Liveness([BOOK], 0.0)
    renewals.answered(BOOK, 300.0)
    assert renewals.due([BOOK], silent, OPEN, 301.0) == {}
    assert set(renewals.due([BOOK], silent, OPEN, 400.0)) == {"public", "market"}
