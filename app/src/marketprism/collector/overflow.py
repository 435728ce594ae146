"""What decides which messages of a lane are in memory and which on disk. The order of the lane is kept throughout.

From the oldest message to the newest there are the window, the unread part of the spool, and what waits in memory for
room in the window or to be written. The window reads ahead of the spool, never past it.

- What has been unacknowledged for longer than `Limits.patience_seconds` is copied to disk and stays in the window: a
  kill of the process loses a second's events at most.
- What waits behind the window goes to disk when that has happened, or when half of the memory for waiting is used: a
  burst of a moment never touches the disk. It is read when half of the window is free.
- Publishers wait only when all of that memory is used: the spool is full, or its disk does not keep up.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from marketprism.collector.counters import Counters
from marketprism.collector.spool_files import Chunk
from marketprism.collector.spool_queue import Segment, SpoolQueue
from marketprism.collector.window import Message, Window

WRITE_SECONDS = 0.05
"""Longest time that a message waits for others to be written with it."""
WRITE_BYTES = 256 * 1024
"""Payload bytes that are written without waiting for more, and at most at a time."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Messages to write.

    Attributes:
        are_copies: They are in the window and stay there.
    """

    messages: list[Message]
    are_copies: bool


class Overflow:
    """The messages of one lane from their making to their settling.

    Args:
        window: Those on their way.
        queue: Those on disk.
        counters: The lane's.
        numbers: Yields the number of the next message.
        clock: Monotonic seconds.
        patience_seconds: See above; None writes nothing unless it is asked for everything.
        most_waiting: Messages that may wait in memory behind the window.
        most_waiting_bytes: Likewise their payload.
        on_change: Called when there may be more to send, or room.
    """

    def __init__(
        self,
        *,
        window: Window,
        queue: SpoolQueue,
        counters: Counters,
        numbers: Iterator[int],
        clock: Callable[[], float],
        patience_seconds: float | None,
        most_waiting: int,
        most_waiting_bytes: int,
        on_change: Callable[[], None],
    ) -> None:
        self.turn = asyncio.Event()
        """Set when there may be work on the disk."""
        self._window, self._queue, self._counters = window, queue, counters
        self._numbers, self._clock = numbers, clock
        self._patience = patience_seconds
        self._most_waiting, self._most_waiting_bytes = most_waiting, most_waiting_bytes
        self._on_change = on_change
        self._waiting: deque[Message] = deque()
        self._waiting_bytes = 0
        self._waiting_events = 0
        self._being_written = 0

    @property
    def events(self) -> int:
        """Events of this run in memory."""
        return self._window.events + self._waiting_events

    @property
    def spooled(self) -> int:
        """Events of this run on disk alone."""
        return self._queue.events

    @property
    def full(self) -> bool:
        """Whether publishers have to wait."""
        return self._is_used(1.0)

    @property
    def has_clear_way(self) -> bool:
        """Whether the next message would go into the window at once."""
        return not self._waiting and not self._queue.has_unread and self._window.has_room

    @property
    def is_empty(self) -> bool:
        """Whether every message is settled, those of earlier runs too."""
        return not self._waiting and not self._queue.has_unread and not len(self._window)

    @property
    def room_to_read(self) -> int:
        """Messages that may be read from disk now."""
        return self._window.free if self._queue.has_unread else 0

    def add(self, message: Message) -> None:
        """Take a new message, behind all others."""
        self._waiting.append(message)
        self._count(message, 1)
        self.refill()

    def refill(self) -> bool:
        """Move what waits into the window while there is room and nothing older on disk; true when something moved."""
        moved = False
        while self._waiting and not self._being_written and not self._queue.has_unread and self._window.has_room:
            self._window.add(self._pop())
            moved = True
        return moved

    def settled(self, message: Message) -> None:
        """Note that a message left the window for good."""
        segment_done = message.segment is not None and self._queue.acknowledged(message.segment)
        if segment_done or self.room_to_read:
            self.turn.set()

    def to_write(self, *, everything: bool = False) -> Batch | None:
        """Return what has to be written now, or None; `written` or `not_written` has to follow.

        Args:
            everything: Whatever is in memory alone, however young.
        """
        now = self._clock()
        young = self._window.in_memory_alone(WRITE_BYTES)  # while there are any, nothing on disk is unread
        if young:
            late = self._patience is not None and (now - young[0].made_at >= self._patience or self._is_used(0.5))
            return Batch(young, are_copies=True) if late or everything else None
        if not self._waiting:
            return None
        due = now - self._waiting[0].made_at >= WRITE_SECONDS or self._waiting_bytes >= WRITE_BYTES
        return self._head() if due or everything else None

    def written(self, batch: Batch, segment: Segment, size: int) -> None:
        """Note that a batch is in a segment, in so many bytes."""
        if batch.are_copies:
            held = [message for message in batch.messages if message in self._window]
            for message in held:
                message.segment = segment
            self._queue.copied(segment, size, len(held))
        else:
            for _ in batch.messages:
                self._pop()
            self._being_written = 0
            self._queue.written(segment, size, sum(message.events for message in batch.messages))
        self._on_change()

    def not_written(self) -> None:
        """Note that the disk did not take the batch; nothing could enter the window beside it."""
        self._being_written = 0
        self._on_change()

    def took(self, segment: Segment, chunk: Chunk) -> None:
        """Put what was read into the window, to be sent under its old ids."""
        for record in chunk.records:
            own, earlier = (0, record.events) if segment.inherited else (record.events, 0)
            self._window.add(
                Message(
                    next(self._numbers), record.id, record.subject, record.payload, own, self._clock(), earlier, segment
                )
            )
        events = sum(record.events for record in chunk.records)
        self._counters.refused += self._queue.took(segment, chunk.offset, len(chunk.records), events)
        self._on_change()

    def leave_aside(self, segment: Segment) -> None:
        """Go on with what comes after a segment that cannot be read; its events stay spooled, for the next run."""
        self._queue.leave_aside(segment)
        self._on_change()

    def gave_up(self, segment: Segment) -> int:
        """Count the unread part of a segment as lost; return its bytes."""
        size, events = self._queue.cut(segment)
        self._counters.refused += events
        self._on_change()
        return size

    def _is_used(self, share: float) -> bool:
        """Say whether so much of the memory for waiting is used."""
        messages, size = self._most_waiting * share, self._most_waiting_bytes * share
        return len(self._waiting) >= messages or self._waiting_bytes >= size

    def _head(self) -> Batch:
        messages: list[Message] = []
        size = 0
        for message in self._waiting:
            messages.append(message)
            size += len(message.payload)
            if size >= WRITE_BYTES:
                break
        self._being_written = len(messages)
        return Batch(messages, are_copies=False)

    def _pop(self) -> Message:
        message = self._waiting.popleft()
        self._count(message, -1)
        return message

    def _count(self, message: Message, sign: int) -> None:
        self._waiting_bytes += sign * len(message.payload)
        self._waiting_events += sign * message.events
