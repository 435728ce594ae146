import asyncio
from dataclasses import dataclass, field

from marketprism.sim.binance.rules import Route
from marketprism.sim.hub import Hub


@dataclass(eq=False)
class Listener:
    willing: bool = True
    full: bool = False
    got: list[tuple[str, bytes]] = field(default_factory=list)

    def deliver(self, stream: str, event: bytes) -> bool:
        self.got.append((stream, event))
        return self.willing

    def crowded(self) -> bool:
        return self.full


def test_an_event_reaches_the_subscribers_of_its_stream_on_its_route_only() -> None:
    hub, right, other_route, other_stream = Hub(), Listener(), Listener(), Listener()
    hub.subscribe((Route.SPOT, "btcusdt@trade"), right)
    hub.subscribe((Route.USDM_MARKET, "btcusdt@trade"), other_route)
    hub.subscribe((Route.SPOT, "ethusdt@trade"), other_stream)
    assert hub.publish((Route.SPOT, "btcusdt@trade"), b"x") == 1
    assert (right.got, other_route.got, other_stream.got) == ([("btcusdt@trade", b"x")], [], [])


def test_a_delivery_that_was_not_taken_is_not_counted() -> None:
    hub = Hub()
    hub.subscribe((Route.SPOT, "a"), Listener(willing=False))
    assert hub.publish((Route.SPOT, "a"), b"x") == 0
    assert (hub.events, hub.deliveries) == (1, 0)


def test_a_stream_without_subscribers_is_forgotten() -> None:
    hub, listener = Hub(), Listener()
    hub.subscribe((Route.SPOT, "a"), listener)
    hub.unsubscribe((Route.SPOT, "a"), listener)
    hub.unsubscribe((Route.SPOT, "never"), listener)
    assert not hub.wanted((Route.SPOT, "a"))


def test_one_crowded_subscriber_is_enough() -> None:
    hub = Hub()
    hub.subscribe((Route.SPOT, "a"), Listener())
    assert not hub.crowded()
    hub.subscribe((Route.SPOT, "b"), Listener(full=True))
    assert hub.crowded()


async def test_a_subscription_can_be_awaited() -> None:
    hub = Hub()
    waiting = asyncio.create_task(hub.subscription())
    await asyncio.sleep(0)
    assert not waiting.done()
    hub.subscribe((Route.SPOT, "a"), Listener())
    async with asyncio.timeout(1):
        await waiting
