"""The messages of one stream that are not acknowledged yet, in the order in which they were made."""

from collections import deque
from dataclasses import dataclass


@dataclass(slots=True, eq=False)
class Message:
    """One envelope on its way.

    Attributes:
        number: Counts up from 1 for the life of the process; the last part of its id and of its reply subject.
        events: How many events the payload holds.
        sent_at: When it was handed to the connection last, in seconds; None while it has to be sent (again).
    """

    number: int
    subject: str
    payload: bytes
    events: int
    sent_at: float | None = None


class Window:
    """A bounded window. `add` never refuses: the caller adds first and then waits until `has_room`.

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

    @property
    def has_room(self) -> bool:
        """Whether more may be added."""
        return len(self._messages) < self._max_messages and self.bytes < self._max_bytes

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
