"""Who is subscribed to what, and the one place through which every event leaves the exchange."""

import asyncio
from collections import defaultdict
from typing import Protocol

Channel = tuple[str, str]
"""Entrance and stream: the same stream name at another entrance is another channel."""


class Subscriber(Protocol):
    """What receives events."""

    def deliver(self, stream: str, event: bytes) -> bool:
        """Queue one event; False when the receiver is being cut off and will not get it."""
        ...

    def crowded(self) -> bool:
        """Tell whether the queue is so full that a patient publisher waits."""
        ...


class Hub:
    """Channels and their subscribers.

    Attributes:
        events: Events published, whoever listened.
        deliveries: Events queued, one per receiving connection.
    """

    def __init__(self) -> None:
        self.events = 0
        self.deliveries = 0
        self._subscribed = asyncio.Event()
        self._subscribers: defaultdict[Channel, set[Subscriber]] = defaultdict(set)

    def subscribe(self, channel: Channel, subscriber: Subscriber) -> None:
        """Add a subscriber; any name is accepted, only published ones ever deliver."""
        self._subscribers[channel].add(subscriber)
        self._subscribed.set()

    async def subscription(self) -> None:
        """Wait for the next subscription, to whatever channel."""
        self._subscribed.clear()
        await self._subscribed.wait()

    def unsubscribe(self, channel: Channel, subscriber: Subscriber) -> None:
        """Remove a subscriber, also one that never subscribed."""
        subscribers = self._subscribers.get(channel)
        if subscribers is None:
            return
        subscribers.discard(subscriber)
        if not subscribers:
            del self._subscribers[channel]

    def wanted(self, channel: Channel) -> bool:
        """Tell whether anybody is subscribed."""
        return channel in self._subscribers

    def crowded(self) -> bool:
        """Tell whether any subscriber needs time to catch up."""
        return any(each.crowded() for subscribers in self._subscribers.values() for each in subscribers)

    def publish(self, channel: Channel, event: bytes) -> int:
        """Hand an event to every subscriber of its channel and return how many took it."""
        self.events += 1
        taken = sum(each.deliver(channel[1], event) for each in self._subscribers.get(channel, ()))
        self.deliveries += taken
        return taken
