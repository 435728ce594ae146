"""A poll is due at once, then an interval after its answer; never twice at the same time."""

from marketprism.pipeline.polls import RETRY_NS, Schedule
from marketprism.venues.protocol import SECOND_NS, Poll, Purpose, RestRequest

SLOW = RestRequest(Purpose.POLL, "open_interest", None, "/slow", 1)
QUICK = RestRequest(Purpose.POLL, "open_interest", None, "/quick", 1)


def schedule() -> Schedule:
    return Schedule([Poll(SLOW, 60 * SECOND_NS), Poll(QUICK, 5 * SECOND_NS)])


def test_everything_is_due_at_the_start_and_not_again_before_its_answer() -> None:
    polls = schedule()
    assert polls.due(1) == [SLOW, QUICK]
    assert polls.due(1000 * SECOND_NS) == []


def test_an_answer_starts_the_interval() -> None:
    polls = schedule()
    polls.due(0)
    polls.answered(SLOW, 10 * SECOND_NS)
    assert polls.due(70 * SECOND_NS - 1) == []
    assert polls.due(70 * SECOND_NS) == [SLOW]


def test_a_failure_is_repeated_after_a_while_but_never_later_than_the_interval() -> None:
    polls = schedule()
    polls.due(0)
    polls.failed(SLOW, 0)
    polls.failed(QUICK, 0)
    assert polls.due(5 * SECOND_NS) == [QUICK]
    assert polls.due(RETRY_NS) == [SLOW]


def test_a_clock_that_is_set_back_does_not_delay_a_poll() -> None:
    polls = schedule()
    polls.due(0)
    polls.answered(SLOW, 3_600 * SECOND_NS)
    polls.failed(QUICK, 3_600 * SECOND_NS)
    assert polls.due(10 * SECOND_NS) == [SLOW, QUICK]
