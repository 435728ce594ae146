"""The way of one stream's events to JetStream: batches, a bounded window, and what happens when that is full.

Streams do not wait for each other: a full ORDERBOOK_SNAP leaves the trades alone.
"""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import msgspec

from marketprism.collector.batching import MAX_AGE_SECONDS, Batch, Batcher
from marketprism.collector.blockade import Blockade
from marketprism.collector.counters import Counters
from marketprism.collector.overflow import Overflow
from marketprism.collector.spool_queue import SpoolQueue
from marketprism.collector.window import Message, Window
from marketprism.contract import wire
from marketprism.contract.catalog import subject
from marketprism.contract.events import Event
from marketprism.contract.instruments import Instrument, Source

BEHIND_SECONDS = 0.25
"""How much longer an event may wait for others of its subject while the window is full."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of one lane.

    Attributes:
        messages: Unacknowledged messages on their way; four times as many may wait behind them.
        bytes: Payload on its way, and likewise; so an outage costs five times as much in memory, per stream.
        ack_seconds: Wait for an acknowledgement before everything unacknowledged is sent again; doubles with each
            wait in vain, up to six times as much.
        patience_seconds: Time without an acknowledgement after which messages are written to the spool.
    """

    messages: int = 1024
    bytes: int = 4 * 1024 * 1024
    ack_seconds: float = 5.0
    patience_seconds: float = 1.0


class _Error(msgspec.Struct):
    err_code: int = 0
    description: str = ""


class _PubAck(msgspec.Struct):
    duplicate: bool = False
    error: _Error | None = None


_pub_ack = msgspec.json.Decoder(_PubAck)


class Lane:
    """One stream's events between `batch` or `alone` and the acknowledgement.

    Args:
        queue: The stream's part of the spool, which also has its name.
        limits: Bounds.
        boot_id: First part of message ids.
        numbers: Yields the next message's number; shared by all lanes of a publisher.
        clock: Monotonic seconds.
        spools: Write what waits too long to disk; false leaves that to whoever ends the lane.
    """

    def __init__(
        self,
        queue: SpoolQueue,
        limits: Limits,
        *,
        boot_id: str,
        numbers: Iterator[int],
        clock: Callable[[], float],
        spools: bool,
    ) -> None:
        self.stream = queue.stream
        self.counters = Counters()
        self.work = asyncio.Event()
        """Set when there may be something to send."""
        self._limits = limits
        self._boot_id = boot_id
        self._numbers = numbers
        self._clock = clock
        self._batcher = Batcher()
        self._window = Window(max_messages=limits.messages, max_bytes=limits.bytes)
        self._parked: dict[str, Batch] = {}
        self._blockade = Blockade()
        self.overflow = Overflow(
            window=self._window,
            queue=queue,
            counters=self.counters,
            numbers=numbers,
            clock=clock,
            patience_seconds=limits.patience_seconds if spools else None,
            most_waiting=4 * limits.messages,
            most_waiting_bytes=4 * limits.bytes,
            on_change=self._moved,
        )
        self._change = asyncio.Event()
        self._open_batch = asyncio.Event()
        self._ack_seconds = limits.ack_seconds

    @property
    def cause(self) -> str | None:
        """Why the stream takes no messages, or does not say that it does; None when all is well."""
        if self._blockade.cause is None and self._ack_seconds > self._limits.ack_seconds:  # since the last answer
            return f"{self.stream} takes messages and does not acknowledge them; see whether the disk of NATS works"
        return self._blockade.cause

    @property
    def in_flight(self) -> int:
        """Events taken that are in memory and whose fate is open."""
        return self._batcher.events + self.overflow.events + len(self._parked)

    @property
    def spooled(self) -> int:
        """Events taken that are on disk alone."""
        return self.overflow.spooled

    @property
    def is_idle(self) -> bool:
        """Whether nothing is left to do, for earlier runs either."""
        return self.overflow.is_empty and not self._batcher.events and not self._parked

    @property
    def unacknowledged(self) -> tuple[int, int]:
        """Messages and bytes in the window."""
        return len(self._window), self._window.bytes

    @property
    def full(self) -> bool:
        """Whether publishers have to wait."""
        return self.overflow.full

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
        if not coalesce or self.overflow.has_clear_way:
            self._push(batch)
            return
        name = subject(data_type, instrument)
        if self._parked.pop(name, None) is not None:
            self.counters.coalesced += 1
        self._parked[name] = batch

    async def room(self) -> None:
        """Wait until publishers need not wait."""
        while self.full:
            self._change.clear()
            await self._change.wait()

    async def settled(self) -> None:
        """Wait until nothing is left to do; `flush` comes before."""
        while not self.is_idle:
            self._change.clear()
            await self._change.wait()

    def flush(self) -> None:
        """Make messages of everything held, the bounds notwithstanding."""
        for batch in (*self._batcher.flush(), *self._parked.values()):
            self._push(batch)
        self._parked.clear()

    async def run_batches(self) -> None:
        """Make messages of batches that are due, for ever.

        While NATS is behind, batches may fill for longer: fewer and larger messages are what helps it.
        """
        while True:
            due = self._batcher.next_due
            if due is None:
                self._open_batch.clear()
                await self._open_batch.wait()
                continue
            await asyncio.sleep(max(0.0, due - self._clock()))
            await self.room()
            behind = 0.0 if self.overflow.has_clear_way else BEHIND_SECONDS
            ripe = self._batcher.due(self._clock() - behind)
            for batch in ripe:
                self._push(batch)
            if not ripe:
                await asyncio.sleep(MAX_AGE_SECONDS)

    def next_message(self) -> Message | None:
        """Take the next message to send; None when there is none, or when the stream refuses messages at present."""
        return self._window.next_unsent() if self._blockade.may_send(self._clock()) else None

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
        self._ack_seconds = self._limits.ack_seconds
        if not payload:
            self._block(number, f"no stream takes the subjects of {self.stream}; run 'marketprism streams apply'")
            return None
        answer = _pub_ack.decode(payload)
        if answer.error is not None:
            self._block(number, f"{self.stream}: {answer.error.description} (error {answer.error.err_code})")
            return None
        if answer.duplicate:
            self.counters.duplicates += 1
        return self._acknowledged(number)

    def refuse(self, message: Message) -> None:
        """Give a message up; its events count as refused, those of an earlier run as received and refused."""
        if self._settle(message.number) is not None:
            self.counters.received += message.recovers
            self.counters.refused += message.recovers + message.events
            self._changed()

    def start_over(self) -> None:
        """Send everything unacknowledged again, oldest first: the connection is a new one."""
        self.counters.resent += self._window.go_back()
        self._blockade.lift()
        self.work.set()

    def tick(self) -> None:
        """See to deadlines; to be called a few times a second while there is a connection."""
        now = self._clock()
        if self._blockade.is_due(now):
            self.work.set()
        if self._window.oldest_wait(now) > self._ack_seconds:
            self._ack_seconds = min(self._ack_seconds * 2, self._limits.ack_seconds * 6)
            self.start_over()

    def _push(self, batch: Batch) -> None:
        payload = wire.encode(batch.data_type, batch.source, batch.instrument, batch.events)
        name = subject(batch.data_type, batch.instrument)
        number = next(self._numbers)
        message_id = wire.message_id(self._boot_id, number)
        self.overflow.add(Message(number, message_id, name, payload, len(batch.events), self._clock()))
        self.work.set()

    def _block(self, number: int, cause: str) -> None:
        if self._window.reject(number):
            self._blockade.refused(cause, self._clock())

    def _acknowledged(self, number: int) -> float | None:
        message = self._settle(number)
        if message is None:  # an earlier sending was acknowledged already
            return None
        self.counters.published += message.events
        self.counters.recovered += message.recovers
        if self._blockade.cause is not None:
            self._blockade.lift()
            self.work.set()
        self._changed()
        return 0.0 if message.sent_at is None else self._clock() - message.sent_at

    def _settle(self, number: int) -> Message | None:
        message = self._window.settle(number)
        if message is not None:
            self.overflow.settled(message)
        return message

    def _moved(self) -> None:
        self.work.set()
        self._changed()

    def _changed(self) -> None:
        """See what follows when a message is settled, or was moved to disk or back."""
        if self.overflow.refill():
            self.work.set()
        while self._parked and self.overflow.has_clear_way:
            self._push(self._parked.pop(next(iter(self._parked))))
        self._change.set()
