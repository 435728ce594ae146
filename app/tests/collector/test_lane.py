import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketprism.collector.lane import Lane, Limits
from marketprism.collector.spool_files import Chunk
from marketprism.collector.spool_queue import SpoolQueue
from marketprism.collector.spool_records import Record, decode, encode
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
    """A lane with a clock of its own; the server and the disk are played by the test."""

    def __init__(self, **limits: Any) -> None:
        self.now = 0.0
        self.limits = Limits(**limits)
        self.boots = itertools.count()
        self.events = itertools.count()
        self.stored: dict[str, list[int]] = {}
        self.disk: dict[Path, bytes] = {}
        self.start()

    def start(self) -> None:
        """Begin a run; what an earlier one had in memory is gone, what it had on disk is found."""
        self.queue = SpoolQueue(Path("/spool"), "MARKET_DATA", 2000)
        self.lane = Lane(
            self.queue,
            self.limits,
            boot_id=f"b{next(self.boots)}",
            numbers=itertools.count(1),
            clock=lambda: self.now,
            spools=True,
        )
        for path, data in sorted(self.disk.items()):
            self.queue.adopt(int(path.name.split("-")[1][:10]), len(data))

    def write(self, *, everything: bool = False) -> list[str]:
        """Do what `Spooler` does with one batch; return the written ids."""
        batch = self.lane.overflow.to_write(everything=everything)
        if batch is None:
            return []
        segment = self.queue.target()
        data = b"".join(encode(Record(m.id, m.subject, m.payload, m.events)) for m in batch.messages)
        self.disk[segment.path] = self.disk.get(segment.path, b"")[: segment.size] + data
        self.lane.overflow.written(batch, segment, len(data))
        return [message.id for message in batch.messages]

    def read(self) -> int:
        """Likewise with one read; return the number of messages."""
        most = self.lane.overflow.room_to_read
        if not most:
            return 0
        segment = self.queue.reading()
        found = decode(self.disk[segment.path][segment.offset : segment.size], most)
        self.lane.overflow.took(segment, Chunk(found.records, segment.offset + found.end, damaged=not found.sound))
        if not found.sound:
            self.lane.overflow.gave_up(segment)
        return len(found.records)

    def delete(self) -> None:
        for segment in self.queue.done():
            self.disk.pop(segment.path, None)
            self.queue.removed(segment)

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
        if message.id in self.stored:
            return STORED_BEFORE
        events = wire.decode(message.subject, message.payload).events
        self.stored[message.id] = [e.trade_id if isinstance(e, Trade) else e.update_id for e in events]
        return STORED

    def balance(self) -> None:
        count = self.lane.counters
        assert count.received == count.published + count.coalesced + count.refused + self.lane.spooled + self.lane.in_flight


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
    driven.book(coalesce=False)
    driven.book(coalesce=False)
    assert driven.lane.full
    (message,) = driven.send()
    driven.lane.refuse(message)
    assert (driven.lane.counters.refused, driven.lane.full) == (1, False)
    driven.balance()


def outage(driven: Driven, messages: int) -> None:
    """Let messages of one trade each come, all too old for memory alone."""
    for _ in range(messages):
        driven.trade()
        driven.lane.flush()
    driven.now += 2


def finish(driven: Driven) -> None:
    """Let the server take everything."""
    driven.lane.flush()
    while not driven.lane.is_idle:
        for message in driven.send():
            driven.lane.answered(message.number, driven.store(message))
        driven.read()
    driven.delete()


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


def test_publishers_wait_when_the_disk_takes_nothing() -> None:
    driven = Driven(messages=8)
    outage(driven, 9)
    assert not driven.lane.full
    outage(driven, 1)
    assert driven.lane.full
    batch = driven.lane.overflow.to_write()
    assert batch is not None
    driven.lane.overflow.not_written()
    assert driven.lane.full
    driven.write()
    driven.write()
    assert not driven.lane.full


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


def test_events_that_the_disk_gives_back_damaged_are_refused_and_those_before_them_sent() -> None:
    driven = Driven(messages=2)
    outage(driven, 6)
    driven.write()
    driven.write()
    (path,) = driven.disk
    one = len(driven.disk[path]) // 6
    torn = bytearray(driven.disk[path])
    torn[4 * one + 30] ^= 1
    driven.disk[path] = bytes(torn)
    finish(driven)
    assert list(driven.stored.values()) == [[0], [1], [2], [3]]
    count = driven.lane.counters
    assert (count.published, count.refused) == (4, 2)
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
        super().__init__(messages=4, ack_seconds=1.0)
        self.under_way: list[Message] = []
        self.taken: set[int] = set()
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

    def write_due(self) -> None:
        self.write()

    def read_some(self) -> None:
        self.read()

    def be_killed(self) -> None:
        """The process ends; what it had in memory alone is lost."""
        self.under_way.clear()
        survivors = {number for data in self.disk.values() for number in _numbers(data)}
        stored = {number for numbers in self.stored.values() for number in numbers}
        self.lost |= self.taken - survivors - stored
        self.start()

    def finish(self) -> None:
        self.lose_connection()
        finish(self)


def _numbers(data: bytes) -> list[int]:
    events = [e for r in decode(data, 10**6).records for e in wire.decode(r.subject, r.payload).events]
    return [e.trade_id if isinstance(e, Trade) else e.update_id for e in events]


STEPS = (
    Storm.trade, Storm.book_always, Storm.send_all, Storm.acknowledge, Storm.lose_acknowledgement, Storm.be_full,
    Storm.lose_connection, Storm.wait, Storm.flush, Storm.write_due, Storm.read_some, Storm.delete, Storm.be_killed,
)  # fmt: skip


@given(st.lists(st.sampled_from(STEPS), max_size=150))
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
