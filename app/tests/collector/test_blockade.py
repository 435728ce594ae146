import pytest

from marketprism.collector.blockade import Blockade


def test_a_stream_that_takes_messages_may_always_be_sent_to() -> None:
    blockade = Blockade()
    assert blockade.cause is None
    assert blockade.may_send(0.0)
    assert blockade.may_send(0.0)


def test_one_message_asks_at_growing_intervals_up_to_five_seconds() -> None:
    blockade = Blockade()
    blockade.refused("full", 0.0)
    asked, now = [], 0.0
    while len(asked) < 8:
        now += 0.01
        if blockade.may_send(now):
            asked.append(now)
            assert not blockade.may_send(now + 100), "one at a time"
            blockade.refused("full", now)
    waits = [b - a for a, b in zip([0.0, *asked], asked, strict=False)]
    assert waits == pytest.approx([0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 5.0], abs=0.02)


def test_several_refusals_of_one_moment_do_not_lengthen_the_wait() -> None:
    blockade = Blockade()
    for _ in range(100):
        blockade.refused("full", 0.0)
    assert blockade.is_due(0.2)


def test_a_lifted_blockade_is_forgotten_and_the_next_one_begins_anew() -> None:
    blockade = Blockade()
    for _ in range(5):
        blockade.refused("full", 0.0)
        blockade.may_send(10.0)
    blockade.lift()
    assert blockade.cause is None
    assert not blockade.is_due(100.0)
    assert blockade.may_send(0.0)
    blockade.refused("full again", 20.0)
    assert blockade.cause == "full again"
    assert blockade.is_due(20.2)
