"""The messages of one stream that are on their way, in the order in which they were made."""

from collections import deque
from dataclasses import dataclass

from marketprism.collector.spool_queue import Segment


@dataclass(slots=True, eq=False)
class Message:
    """One envelope on its way.

    Attributes:
        number: Counts up from 1 for the life of the process; the last part of its reply subject.
        id: Its ``Nats-Msg-Id``, for ever the same.
        events: How many events of this run the payload holds.
        made_at: When it was made or read from disk, in seconds.
        recovers: How many events of an earlier run the payload holds; either this or `events` is 0.
        segment: Where it is on disk; None while it is in memory alone.
        sent_at: When it was handed to the connection last, in seconds; None while it has to be sent (again).
    """

    number: int
    id: str
    subject: str
    payload: bytes
    events: int
    made_at: float
    recovers: int = 0
    segment: Segment | None = None
    sent_at: float | None = None


class Window:
    """A bounded window. `add` never refuses: the caller looks whether it `has_room`.

    Args:
        max_messages: Messages from which on there is no room.
        max_bytes: Payload bytes from which on there is no room.
    """

    def __init__(self, *, max_messages: int, max_bytes: int) -> None:
        self._max_messages = max_messages
        self._max_bytes = max_bytes
        self._messages: dict[int, Message] = {}
        self._unsent: deque[Message] = deque()
        self._disordered = False
        self.bytes = 0
        self.events = 0

    def __len__(self) -> int:
        return len(self._messages)

    def __contains__(self, message: Message) -> bool:
        return message.number in self._messages

    @property
    def has_room(self) -> bool:
        """Whether more may be added."""
        return len(self._messages) < self._max_messages and self.bytes < self._max_bytes

    @property
    def free(self) -> int:
        """Messages that may be read from disk now: none before half of the room is free, so that reads are large."""
        half_empty = len(self._messages) <= self._max_messages // 2 and self.bytes <= self._max_bytes // 2
        return self._max_messages - len(self._messages) if half_empty else 0

    def add(self, message: Message) -> None:
        """Take a new message, to be sent after all others."""
        self._messages[message.number] = message
        self._unsent.append(message)
        self.bytes += len(message.payload)
        self.events += message.events

    def next_unsent(self) -> Message | None:
        """Take the oldest message that has to be sent; None when all are under way."""
        if self._disordered:
            self._disordered = False
            self._unsent = deque(m for m in self._messages.values() if m.sent_at is None)
        while self._unsent:
            message = self._unsent.popleft()
            if message.number in self._messages:  # an acknowledgement of an earlier sending may have removed it
                return message
        return None

    def settle(self, number: int) -> Message | None:
        """Remove a message for good; None when it is not here (any more)."""
        message = self._messages.pop(number, None)
        if message is not None:
            self.bytes -= len(message.payload)
            self.events -= message.events
        return message

    def reject(self, number: int) -> bool:
        """Mark a message to be sent again, in its old place; false when it is not here (any more)."""
        message = self._messages.get(number)
        if message is None:
            return False
        message.sent_at = None
        self._disordered = True
        return True

    def go_back(self) -> int:
        """Mark everything to be sent again from the oldest on; return how many had been sent before."""
        sent = 0
        for message in self._messages.values():
            if message.sent_at is not None:
                message.sent_at = None
                sent += 1
        self._disordered = True
        return sent

    def oldest_wait(self, now: float) -> float:
        """Return for how many seconds the oldest message has been under way, 0 when it is not."""
        for message in self._messages.values():
            return 0.0 if message.sent_at is None else now - message.sent_at
        return 0.0

    def in_memory_alone(self, most_bytes: int) -> list[Message]:
        """Return the oldest messages that are not on disk, up to about as many bytes of payload."""
        found: list[Message] = []
        size = 0
        for message in self._messages.values():
            if message.segment is None:
                found.append(message)
                size += len(message.payload)
                if size >= most_bytes:
                    break
        return found
