import pytest

from tests.collector.driven import FULL, NO_STREAM, STORED, STORED_BEFORE, Driven


def test_an_acknowledged_event_counts_as_published() -> None:
    driven = Driven()
    driven.trade()
    driven.lane.flush()
    (message,) = driven.send()
    driven.now = 0.25
    assert driven.lane.answered(message.number, STORED) == 0.25
    assert (driven.lane.counters.published, driven.lane.in_flight) == (1, 0)


def test_a_second_acknowledgement_of_the_same_message_changes_nothing_but_the_duplicates() -> None:
    driven = Driven()
    driven.book()
    (message,) = driven.send()
    driven.lane.start_over()
    driven.send()
    driven.lane.answered(message.number, STORED)
    assert driven.lane.answered(message.number, STORED_BEFORE) is None
    count = driven.lane.counters
    assert (count.published, count.resent, count.duplicates) == (1, 1, 1)


def test_a_full_stream_is_asked_with_one_message_at_growing_intervals_until_it_takes_it() -> None:
    driven = Driven()
    for _ in range(3):
        driven.book()
    for message in driven.send():
        driven.lane.answered(message.number, FULL)
    assert driven.lane.cause == "MARKET_DATA: maximum bytes exceeded (error 10077)"
    assert driven.send() == []
    probes = []
    for _ in range(40):
        driven.now += 0.1
        for message in driven.send():
            probes.append((round(driven.now, 1), message.number))
            driven.lane.answered(message.number, FULL)
    assert [at for at, _ in probes] == pytest.approx([0.2, 0.6, 1.4, 3.0], abs=0.25)
    assert {number for _, number in probes} == {1}
    driven.now += 10
    (probe,) = driven.send()
    driven.lane.answered(probe.number, STORED)
    assert driven.lane.cause is None
    assert [message.number for message in driven.send()] == [2, 3]


def test_a_missing_stream_is_named_with_its_remedy() -> None:
    driven = Driven()
    driven.book()
    (message,) = driven.send()
    driven.lane.answered(message.number, NO_STREAM)
    assert driven.lane.cause is not None
    assert "run 'marketprism streams apply'" in driven.lane.cause


def test_without_an_acknowledgement_everything_is_sent_again_at_doubling_intervals() -> None:
    driven = Driven(ack_seconds=1.0)
    driven.book()
    driven.book()
    times = []
    for _ in range(300):
        driven.lane.tick()
        if sent := driven.send():
            times.append((round(driven.now, 1), [message.number for message in sent]))
        driven.now += 0.1
    assert [at for at, _ in times] == pytest.approx([0.0, 1.0, 3.0, 7.0, 13.0, 19.0, 25.0], abs=0.31)
    assert all(numbers == [1, 2] for _, numbers in times)


def test_a_stream_that_takes_messages_and_acknowledges_none_is_a_named_cause_until_it_does() -> None:
    driven = Driven(ack_seconds=1.0)
    driven.book()
    causes = []
    for _ in range(80):
        driven.lane.tick()
        sent = driven.send()
        causes.append(driven.lane.cause)
        driven.now += 0.1
    first = causes.index("MARKET_DATA takes messages and does not acknowledge them; see whether the disk of NATS works")
    assert first * 0.1 == pytest.approx(1.0, abs=0.15)
    assert set(causes[:first]) == {None}
    assert len(set(causes[first:])) == 1, "sending again is no answer"
    driven.lane.start_over()
    assert driven.lane.cause == causes[-1], "nor is a new connection"
    (message,) = sent or driven.send()
    driven.lane.answered(message.number, FULL)
    assert driven.lane.cause == "MARKET_DATA: maximum bytes exceeded (error 10077)"
    driven.lane.answered(message.number, STORED)
    assert driven.lane.cause is None


def test_only_books_that_may_coalesce_give_way_and_the_newest_survives() -> None:
    driven = Driven(messages=2)
    for _ in range(5):
        driven.book()
        driven.balance()
    assert driven.lane.counters.coalesced == 2
    for message in driven.send():
        driven.lane.answered(message.number, driven.store(message))
    for message in driven.send():
        driven.lane.answered(message.number, driven.store(message))
    assert list(driven.stored.values()) == [[0], [1], [4]]
    driven.balance()


def test_an_event_that_the_server_never_takes_is_refused_and_frees_its_room() -> None:
    driven = Driven(messages=1)
    for _ in range(5):
        driven.book(coalesce=False)
    assert driven.lane.full, "one on its way, four behind it"
    (message,) = driven.send()
    driven.lane.refuse(message)
    assert (driven.lane.counters.refused, driven.lane.full) == (1, False)
    driven.balance()
