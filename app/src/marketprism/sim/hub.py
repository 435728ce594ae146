"""Who is subscribed to what, and the one place through which every event leaves the exchange.

Faults that lose, repeat or reorder events belong here; those of one connection belong in `connection`.
"""

import asyncio
from collections import defaultdict
from typing import Protocol

from marketprism.sim.rules import Route


class Subscriber(Protocol):
    """What receives events."""

    def deliver(self, stream: str, event: bytes) -> bool:
        """Queue one event; False when the receiver is being cut off and will not get it."""
        ...

    def crowded(self) -> bool:
        """Tell whether the queue is so full that a patient publisher waits."""
        ...


class Hub:
    """Streams and their subscribers.

    Attributes:
        events: Events published, whoever listened.
        deliveries: Events queued, one per receiving connection.
    """

    def __init__(self) -> None:
        self.events = 0
        self.deliveries = 0
        self._subscribed = asyncio.Event()
        self._subscribers: defaultdict[tuple[Route, str], set[Subscriber]] = defaultdict(set)

    def subscribe(self, route: Route, stream: str, subscriber: Subscriber) -> None:
        """Add a subscriber; any name is accepted, only published ones ever deliver."""
        self._subscribers[route, stream].add(subscriber)
        self._subscribed.set()

    async def subscription(self) -> None:
        """Wait for the next subscription, to whatever stream."""
        self._subscribed.clear()
        await self._subscribed.wait()

    def unsubscribe(self, route: Route, stream: str, subscriber: Subscriber) -> None:
        """Remove a subscriber, also one that never subscribed."""
        subscribers = self._subscribers.get((route, stream))
        if subscribers is None:
            return
        subscribers.discard(subscriber)
        if not subscribers:
            del self._subscribers[route, stream]

    def wanted(self, route: Route, stream: str) -> bool:
        """Tell whether anybody is subscribed."""
        return (route, stream) in self._subscribers

    def crowded(self) -> bool:
        """Tell whether any subscriber needs time to catch up."""
        return any(each.crowded() for subscribers in self._subscribers.values() for each in subscribers)

    def publish(self, route: Route, stream: str, event: bytes) -> int:
        """Hand an event to every subscriber of its stream and return how many took it."""
        self.events += 1
        taken = sum(each.deliver(stream, event) for each in self._subscribers.get((route, stream), ()))
        self.deliveries += taken
        return taken
