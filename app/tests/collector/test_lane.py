import itertools
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketprism.collector.lane import Lane, Limits
from marketprism.collector.window import Message
from marketprism.contract import wire
from marketprism.contract.events import Trade
from marketprism.contract.instruments import Source
from tests.collector.events import book, instrument, trade

STORED = b'{"stream":"MARKET_DATA","seq":1}'
STORED_BEFORE = b'{"stream":"MARKET_DATA","seq":1,"duplicate":true}'
FULL = b'{"stream":"MARKET_DATA","seq":0,"error":{"code":503,"err_code":10077,"description":"maximum bytes exceeded"}}'
NO_STREAM = b""


class Driven:
    """A lane with a clock of its own, and a server played by the test."""

    def __init__(self, **limits: Any) -> None:
        self.now = 0.0
        self.lane = Lane("MARKET_DATA", Limits(**limits), itertools.count(1), lambda: self.now)
        self.events = itertools.count()
        self.stored: dict[int, list[int]] = {}

    def trade(self, symbol: str = "BTC-USDT") -> None:
        self.lane.batch("trade", Source.LIVE, instrument(symbol), trade(next(self.events)))

    def book(self, *, coalesce: bool = True) -> None:
        self.lane.alone("orderbook", Source.LIVE, instrument(), book(next(self.events), 1), coalesce=coalesce)

    def send(self) -> list[Message]:
        sent = []
        while (message := self.lane.next_message()) is not None:
            self.lane.sent(message)
            sent.append(message)
        return sent

    def store(self, message: Message) -> bytes:
        """Do what a stream does: keep a message once per id."""
        if message.number in self.stored:
            return STORED_BEFORE
        events = wire.decode(message.subject, message.payload).events
        self.stored[message.number] = [e.trade_id if isinstance(e, Trade) else e.update_id for e in events]
        return STORED

    def balance(self) -> None:
        count = self.lane.counters
        assert count.received == count.published + count.coalesced + count.refused + self.lane.in_flight


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
    driven.book()
    assert driven.lane.full
    (message,) = driven.send()
    driven.lane.refuse(message)
    assert (driven.lane.counters.refused, driven.lane.full) == (1, False)
    driven.balance()


class Storm(Driven):
    """A lane to which anything happens, in any order."""

    def __init__(self) -> None:
        super().__init__(messages=4, ack_seconds=1.0)
        self.under_way: list[Message] = []

    def send_all(self) -> None:
        self.under_way += self.send()

    def acknowledge(self) -> None:
        for message in self.under_way[:1]:
            self.lane.answered(message.number, self.store(message))
        del self.under_way[:1]

    def lose_acknowledgement(self) -> None:
        for message in self.under_way[:1]:
            self.store(message)
        del self.under_way[:1]

    def be_full(self) -> None:
        for message in self.under_way[:1]:
            self.lane.answered(message.number, STORED_BEFORE if message.number in self.stored else FULL)
        del self.under_way[:1]

    def lose_connection(self) -> None:
        self.under_way.clear()
        self.lane.start_over()

    def wait(self) -> None:
        self.now += 0.4
        self.lane.tick()

    def flush(self) -> None:
        self.lane.flush()

    def finish(self) -> None:
        self.lane.flush()
        self.lose_connection()
        while self.lane.in_flight:
            self.send_all()
            self.acknowledge()


STEPS = (
    Storm.trade, Storm.book, Storm.send_all, Storm.acknowledge, Storm.lose_acknowledgement, Storm.be_full,
    Storm.lose_connection, Storm.wait, Storm.flush,
)  # fmt: skip


@given(st.lists(st.sampled_from(STEPS), max_size=120))
def test_the_account_balances_at_every_step_and_everything_is_stored_once_in_the_end(
    steps: list[Callable[[Storm], None]],
) -> None:
    storm = Storm()
    for step in steps:
        step(storm)
        storm.balance()
    storm.finish()
    count = storm.lane.counters
    stored = [event for events in storm.stored.values() for event in events]
    assert len(stored) == len(set(stored)) == count.published == count.received - count.coalesced
