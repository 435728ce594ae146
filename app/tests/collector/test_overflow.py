"""Which messages of a lane are in memory and which on disk; everything here goes through the lane."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketprism.collector.spool_records import decode
from marketprism.collector.window import Message
from marketprism.contract import wire
from marketprism.contract.events import Trade
from tests.collector.driven import FULL, STORED_BEFORE, Driven, finish, outage


def test_what_waits_for_longer_than_the_patience_is_written_in_order_and_stays_on_its_way() -> None:
    driven = Driven(messages=10)
    driven.trade()
    driven.lane.flush()
    assert driven.write() == []
    driven.now = 1.0
    assert driven.write() == ["b0:1"]
    assert driven.write() == []
    assert (driven.lane.in_flight, driven.lane.spooled) == (1, 0)
    finish(driven)
    assert (driven.lane.counters.published, driven.disk) == (1, {})


def test_what_has_no_room_goes_to_disk_behind_what_is_on_its_way_and_comes_back_under_its_id() -> None:
    driven = Driven(messages=4)
    outage(driven, 7)
    assert driven.write() == ["b0:1", "b0:2", "b0:3", "b0:4"]
    assert driven.write() == ["b0:5", "b0:6", "b0:7"]
    driven.balance()
    assert (driven.lane.in_flight, driven.lane.spooled, driven.lane.full) == (4, 3, False)
    sent = driven.send()
    driven.lane.answered(sent[0].number, driven.store(sent[0]))
    assert driven.read() == 0, "it waits until half of the window is free"
    driven.lane.answered(sent[1].number, driven.store(sent[1]))
    assert driven.read() == 2
    driven.balance()
    assert [message.id for message in driven.send()] == ["b0:5", "b0:6"]
    driven.lane.start_over()
    finish(driven)
    assert list(driven.stored.values()) == [[n] for n in range(7)]
    assert (driven.lane.counters.published, driven.lane.spooled, driven.disk) == (7, 0, {})


def test_newer_messages_stay_behind_what_is_on_disk() -> None:
    driven = Driven(messages=2)
    outage(driven, 3)
    driven.write()
    driven.write()
    driven.trade()
    driven.lane.flush()
    finish(driven)
    assert list(driven.stored.values()) == [[0], [1], [2], [3]]


def test_a_message_acknowledged_while_it_is_written_does_not_keep_its_segment() -> None:
    driven = Driven(messages=4)
    outage(driven, 2)
    driven.begin_write()
    first, second = driven.send()
    driven.lane.answered(first.number, driven.store(first))
    driven.end_write()
    driven.delete()
    assert driven.disk, "the second may still need it"
    driven.lane.answered(second.number, driven.store(second))
    driven.delete()
    assert driven.disk == {}


def test_what_is_being_written_does_not_enter_the_window_beside_it() -> None:
    driven = Driven(messages=2)
    outage(driven, 4)
    driven.write()
    driven.begin_write()
    for message in driven.send():
        driven.lane.answered(message.number, driven.store(message))
    assert driven.send() == []
    driven.end_write()
    finish(driven)
    assert list(driven.stored.values()) == [[0], [1], [2], [3]]


def test_a_write_that_failed_while_the_server_took_everything_before_it_leaves_nothing_standing() -> None:
    driven = Driven(messages=2)
    outage(driven, 4)
    driven.write()
    driven.begin_write()
    for message in driven.send():
        driven.lane.answered(message.number, driven.store(message))
    driven.lane.work.clear()
    driven.fail_write()
    assert driven.lane.work.is_set()
    for message in driven.send():
        driven.lane.answered(message.number, driven.store(message))
    assert list(driven.stored.values()) == [[0], [1], [2], [3]]


def test_a_burst_that_the_server_takes_in_time_never_touches_the_disk() -> None:
    driven = Driven(messages=2)
    for _ in range(50):
        driven.trade()
        driven.lane.flush()
        assert driven.write() == []
        driven.now += 0.4
        for message in driven.send():
            driven.lane.answered(message.number, driven.store(message))
    assert driven.lane.counters.published == 50


def test_publishers_wait_when_the_disk_takes_nothing_and_memory_is_used() -> None:
    driven = Driven(messages=2)
    outage(driven, 9)
    assert not driven.lane.full
    outage(driven, 1)
    assert driven.lane.full, "two on their way, eight behind them"
    driven.begin_write()
    driven.fail_write()
    assert driven.lane.full
    driven.write()
    driven.write()
    assert not driven.lane.full
    assert driven.lane.spooled == 8


def test_a_burst_that_uses_half_of_the_memory_goes_to_disk_before_its_time() -> None:
    driven = Driven(messages=2)
    for _ in range(5):
        driven.trade()
        driven.lane.flush()
    assert driven.write() == []
    driven.trade()
    driven.lane.flush()
    assert driven.write() == ["b0:1", "b0:2"]
    driven.now += 0.05
    assert driven.write() == ["b0:3", "b0:4", "b0:5", "b0:6"]
    finish(driven)
    assert list(driven.stored.values()) == [[n] for n in range(6)]


def test_the_next_run_sends_what_is_on_disk_first_under_the_old_ids_and_outside_of_its_own_account() -> None:
    driven = Driven(messages=4)
    outage(driven, 6)
    driven.write()
    driven.write()
    for message in driven.send()[:2]:
        driven.store(message)  # the acknowledgement never came
    driven.start()
    driven.trade()
    driven.lane.flush()
    driven.balance()
    finish(driven)
    assert list(driven.stored) == ["b0:1", "b0:2", "b0:3", "b0:4", "b0:5", "b0:6", "b1:1"]
    count = driven.lane.counters
    assert (count.received, count.published, count.recovered, count.duplicates) == (1, 1, 6, 2)
    assert driven.disk == {}


def test_a_recovered_message_that_the_server_never_takes_is_received_and_refused() -> None:
    driven = Driven()
    outage(driven, 1)
    driven.write()
    driven.start()
    driven.read()
    (message,) = driven.send()
    driven.lane.refuse(message)
    count = driven.lane.counters
    assert (count.received, count.refused, count.recovered) == (1, 1, 0)
    driven.balance()


@pytest.mark.parametrize("lost", [[4], [5], [4, 5], [2], [2, 4]])
def test_events_that_the_disk_gives_back_damaged_are_refused_and_the_others_sent(lost: list[int]) -> None:
    driven = Driven(messages=2)
    outage(driven, 6)
    driven.write()
    driven.write()
    (path,) = driven.disk
    one = len(driven.disk[path]) // 6
    changed = bytearray(driven.disk[path])
    for number in lost:
        changed[number * one + 30] ^= 1
    driven.disk[path] = bytes(changed)
    finish(driven)
    assert list(driven.stored.values()) == [[n] for n in range(6) if n not in lost]
    count = driven.lane.counters
    assert (count.published, count.refused) == (6 - len(lost), len(lost))
    driven.balance()
    assert driven.disk == {}


def test_at_the_end_everything_in_memory_is_kept_books_too() -> None:
    driven = Driven(messages=2)
    for _ in range(4):
        driven.book()
    driven.trade()
    driven.lane.flush()
    kept = []
    while written := driven.write(everything=True):
        kept += written
    assert len(kept) == 4, "two books on their way, the newest of the others, one trade"
    driven.start()
    finish(driven)
    assert list(driven.stored.values()) == [[0], [1], [4], [3]]


class Storm(Driven):
    """A lane to which anything happens, in any order."""

    def __init__(self) -> None:
        super().__init__(messages=4, ack_seconds=1.0, patience_seconds=0.3)
        self.under_way: list[Message] = []
        self.taken: set[int] = set()
        self.spooled: set[int] = set()
        self.lost: set[int] = set()

    def trade(self, symbol: str = "BTC-USDT") -> None:
        super().trade(symbol)
        self.taken.add(max(self.taken, default=-1) + 1)

    def book_always(self) -> None:
        self.book(coalesce=False)
        self.taken.add(max(self.taken, default=-1) + 1)

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
            self.lane.answered(message.number, STORED_BEFORE if message.id in self.stored else FULL)
        del self.under_way[:1]

    def lose_connection(self) -> None:
        self.under_way.clear()
        self.lane.start_over()

    def wait(self) -> None:
        self.now += 0.4
        self.lane.tick()

    def flush(self) -> None:
        self.lane.flush()

    def begin(self) -> None:
        self.begin_write()

    def end(self) -> None:
        """One task does all file work: what was begun ends before anything else is done."""
        self.end_write()
        self.spooled |= self.on_disk()

    def fail(self) -> None:
        self.fail_write()

    def read_or_delete(self) -> None:
        self.end()
        self.read()
        self.delete()

    def be_killed(self) -> None:
        """The process ends; what it had in memory alone is lost."""
        self.under_way.clear()
        safe = self.on_disk() | {number for numbers in self.stored.values() for number in numbers}
        assert self.spooled <= safe, "what was on disk is there until the server has it"
        self.lost |= self.taken - safe
        self.start()

    def on_disk(self) -> set[int]:
        return {number for data in self.disk.values() for number in _numbers(data)}

    def finish(self) -> None:
        self.end()
        self.lose_connection()
        finish(self)


def _numbers(data: bytes) -> list[int]:
    events = [e for r in decode(data, 10**6).records for e in wire.decode(r.subject, r.payload).events]
    return [e.trade_id if isinstance(e, Trade) else e.update_id for e in events]


STEPS = (
    Storm.trade, Storm.book_always, Storm.send_all, Storm.acknowledge, Storm.lose_acknowledgement, Storm.be_full,
    Storm.lose_connection, Storm.wait, Storm.flush, Storm.begin, Storm.end, Storm.fail, Storm.read_or_delete,
    Storm.be_killed,
)  # fmt: skip


@settings(max_examples=300)
@given(st.lists(st.sampled_from(STEPS), min_size=20, max_size=150))
def test_the_account_balances_at_every_step_and_everything_that_was_not_lost_in_memory_is_stored_once(
    steps: list[Callable[[Storm], None]],
) -> None:
    storm = Storm()
    for step in steps:
        step(storm)
        storm.balance()
    storm.finish()
    storm.balance()
    stored = [number for numbers in storm.stored.values() for number in numbers]
    assert len(stored) == len(set(stored))
    assert set(stored) == storm.taken - storm.lost
    assert storm.disk == {}
