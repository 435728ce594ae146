"""The way of one stream's events to JetStream: batches, a bounded window, and what happens when that is full.

Streams do not wait for each other: a full ORDERBOOK_SNAP leaves the trades alone.
"""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import msgspec

from marketprism.collector.batching import Batch, Batcher
from marketprism.collector.window import Message, Window
from marketprism.contract import wire
from marketprism.contract.catalog import subject
from marketprism.contract.events import Event
from marketprism.contract.instruments import Instrument, Source

FIRST_PROBE_SECONDS, LAST_PROBE_SECONDS = 0.2, 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of one lane.

    Attributes:
        messages: Unacknowledged messages from which on publishers wait.
        bytes: Likewise in bytes of payload; also the memory that an outage of NATS may cost, per stream.
        ack_seconds: Wait for an acknowledgement before everything unacknowledged is sent again; doubles with each
            wait in vain, up to six times as much.
    """

    messages: int = 4096
    bytes: int = 16 * 1024 * 1024
    ack_seconds: float = 5.0


class _Error(msgspec.Struct):
    err_code: int = 0
    description: str = ""


class _PubAck(msgspec.Struct):
    duplicate: bool = False
    error: _Error | None = None


_pub_ack = msgspec.json.Decoder(_PubAck)


@dataclass(slots=True)
class Counters:
    """What a lane did. Events, except where messages are named.

    Attributes:
        refused: Could not be made into a message that the server takes.
        resent: Messages that were handed to the connection once more.
        duplicates: Messages that the stream already held when they came once more.
    """

    received: int = 0
    published: int = 0
    coalesced: int = 0
    refused: int = 0
    resent: int = 0
    duplicates: int = 0


class Lane:
    """One stream's events between `put` and the acknowledgement.

    Args:
        stream: Name of the stream.
        limits: Bounds.
        numbers: Yields the next message's number; shared by all lanes of a publisher.
        clock: Monotonic seconds.
    """

    def __init__(self, stream: str, limits: Limits, numbers: Iterator[int], clock: Callable[[], float]) -> None:
        self.stream = stream
        self.counters = Counters()
        self.cause: str | None = None
        self.work = asyncio.Event()
        """Set when there may be something to send."""
        self._limits = limits
        self._numbers = numbers
        self._clock = clock
        self._batcher = Batcher()
        self._window = Window(max_messages=limits.messages, max_bytes=limits.bytes)
        self._parked: dict[str, Batch] = {}
        self._room = asyncio.Event()
        self._open_batch = asyncio.Event()
        self._ack_seconds = limits.ack_seconds
        self._probe_at: float | None = None
        self._probe_seconds = FIRST_PROBE_SECONDS

    @property
    def in_flight(self) -> int:
        """Events taken whose fate is open."""
        return self._batcher.events + self._window.events + len(self._parked)

    @property
    def unacknowledged(self) -> tuple[int, int]:
        """Messages and bytes in the window."""
        return len(self._window), self._window.bytes

    @property
    def full(self) -> bool:
        """Whether publishers have to wait."""
        return not self._window.has_room

    def batch(self, data_type: str, source: Source, instrument: Instrument, event: Event) -> None:
        """Take one event; it leaves with others of its subject."""
        self.counters.received += 1
        batch = self._batcher.add(data_type, source, instrument, event, self._clock())
        if batch is not None:
            self._push(batch)
        else:
            self._open_batch.set()

    def alone(self, data_type: str, source: Source, instrument: Instrument, event: Event, *, coalesce: bool) -> None:
        """Take one event that leaves in a message of its own.

        With `coalesce`, only the newest of each subject is kept while there is no room.
        """
        self.counters.received += 1
        batch = Batch(data_type, source, instrument, self._clock(), [event])
        if not coalesce or self._window.has_room:
            self._push(batch)
            return
        name = subject(data_type, instrument)
        if self._parked.pop(name, None) is not None:
            self.counters.coalesced += 1
        self._parked[name] = batch

    async def room(self) -> None:
        """Wait until the window has room."""
        while not self._window.has_room:
            self._room.clear()
            await self._room.wait()

    def flush(self) -> None:
        """Make messages of everything held, the bounds notwithstanding."""
        for batch in (*self._batcher.flush(), *self._parked.values()):
            self._push(batch)
        self._parked.clear()

    async def run_batches(self) -> None:
        """Make messages of batches that are due, for ever."""
        while True:
            due = self._batcher.next_due
            if due is None:
                self._open_batch.clear()
                await self._open_batch.wait()
                continue
            await asyncio.sleep(max(0.0, due - self._clock()))
            await self.room()
            for batch in self._batcher.due(self._clock()):
                self._push(batch)

    def next_message(self) -> Message | None:
        """Take the next message to send; None when there is none, or when the stream refuses messages at present."""
        if self.cause is not None:
            if self._probe_at is None or self._clock() < self._probe_at:
                return None
            self._probe_at = None  # one message finds out whether the stream takes them again
        return self._window.next_unsent()

    def sent(self, message: Message) -> None:
        """Note that a message was handed to the connection."""
        message.sent_at = self._clock()

    def not_sent(self, message: Message) -> None:
        """Note that the connection did not take a message."""
        self._window.reject(message.number)

    def answered(self, number: int, payload: bytes) -> float | None:
        """Take the server's answer to one message; an empty one says that no stream takes the subject.

        Returns:
            Seconds since the message was sent when this settles it, else None.
        """
        if not payload:
            self._block(number, f"no stream takes the subjects of {self.stream}; run 'marketprism streams apply'")
            return None
        answer = _pub_ack.decode(payload)
        if answer.error is not None:
            self._block(number, f"{self.stream}: {answer.error.description} (error {answer.error.err_code})")
            return None
        if answer.duplicate:
            self.counters.duplicates += 1
        return self._settled(number)

    def refuse(self, message: Message) -> None:
        """Give a message up; its events count as refused."""
        if self._window.settle(message.number) is not None:
            self.counters.refused += message.events
            self._freed()

    def start_over(self) -> None:
        """Send everything unacknowledged again, oldest first: the connection is a new one."""
        self.counters.resent += self._window.go_back()
        self.cause, self._probe_at = None, None
        self.work.set()

    def tick(self) -> None:
        """See to deadlines; to be called a few times a second while there is a connection."""
        now = self._clock()
        if self._probe_at is not None and now >= self._probe_at:
            self.work.set()
        if self._window.oldest_wait(now) > self._ack_seconds:
            self._ack_seconds = min(self._ack_seconds * 2, self._limits.ack_seconds * 6)
            self.start_over()

    def _push(self, batch: Batch) -> None:
        payload = wire.encode(batch.data_type, batch.source, batch.instrument, batch.events)
        name = subject(batch.data_type, batch.instrument)
        self._window.add(Message(next(self._numbers), name, payload, len(batch.events)))
        self.work.set()

    def _block(self, number: int, cause: str) -> None:
        if not self._window.reject(number):
            return
        if self.cause is None:
            self._probe_seconds = FIRST_PROBE_SECONDS
        self.cause = cause
        if self._probe_at is None:
            self._probe_at = self._clock() + self._probe_seconds
            self._probe_seconds = min(self._probe_seconds * 2, LAST_PROBE_SECONDS)

    def _settled(self, number: int) -> float | None:
        message = self._window.settle(number)
        if message is None:  # an earlier sending was acknowledged already
            return None
        self.counters.published += message.events
        self._ack_seconds = self._limits.ack_seconds
        if self.cause is not None:
            self.cause, self._probe_at = None, None
            self.work.set()
        self._freed()
        return 0.0 if message.sent_at is None else self._clock() - message.sent_at

    def _freed(self) -> None:
        if self._window.has_room:
            while self._parked and self._window.has_room:
                self._push(self._parked.pop(next(iter(self._parked))))
            self._room.set()
