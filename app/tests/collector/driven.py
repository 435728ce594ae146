"""A lane with a clock, a server and a disk that the test plays."""

import itertools
from pathlib import Path
from typing import Any

from marketprism.collector import overflow
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


def names(directory: Path) -> list[str]:
    """Name a spool's files."""
    return sorted(path.name for path in directory.iterdir())


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
        self.batch: overflow.Batch | None = None
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
        self.begin_write(everything=everything)
        return self.end_write()

    def begin_write(self, *, everything: bool = False) -> None:
        self.batch = self.batch or self.lane.overflow.to_write(everything=everything)

    def end_write(self) -> list[str]:
        if self.batch is None:
            return []
        batch, self.batch = self.batch, None
        segment = self.queue.target()
        data = b"".join(encode(Record(m.id, m.subject, m.payload, m.events)) for m in batch.messages)
        self.disk[segment.path] = self.disk.get(segment.path, b"")[: segment.size] + data
        self.lane.overflow.written(batch, segment, len(data))
        return [message.id for message in batch.messages]

    def fail_write(self) -> None:
        if self.batch is not None:
            self.batch = None
            self.lane.overflow.not_written()

    def read(self) -> int:
        """Likewise with one read; return the number of messages."""
        most = self.lane.overflow.room_to_read
        if not most:
            return 0
        segment = self.queue.reading()
        found = decode(self.disk[segment.path][segment.offset : segment.size], most)
        damaged = not found.sound or found.needed > 0
        chunk = Chunk(found.records, segment.offset + found.end, damaged=damaged, skipped=found.skipped)
        self.lane.overflow.took(segment, chunk)
        if damaged:
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
        assert (
            count.received
            == count.published + count.coalesced + count.refused + self.lane.spooled + self.lane.in_flight
        )


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
