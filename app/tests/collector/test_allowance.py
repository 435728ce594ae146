import asyncio

from marketprism.collector.allowance import Allowance, Places
from marketprism.contract.instruments import Exchange
from marketprism.venues.protocol import Purpose
from tests.collector.waiting import until


async def hold(places: Places, release: asyncio.Event) -> None:
    async with places.socket():
        await release.wait()


async def test_sockets_never_take_the_last_place_which_is_for_requests() -> None:
    places, release = Places(3), asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        for _ in range(3):
            tasks.create_task(hold(places, release))
        await until(lambda: places.sockets == 2)
        assert not places.room_for_socket
        async with asyncio.timeout(1), places.request():
            assert places.sockets == 2
        release.set()
    assert places.sockets == 0
    assert places.room_for_socket


async def test_requests_wait_for_a_place() -> None:
    places = Places(2)
    waiting = asyncio.create_task(hold(places, asyncio.Event()))
    async with places.request(), places.request():
        await asyncio.sleep(0)
        assert places.sockets == 0
    await until(lambda: places.sockets == 1)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert places.sockets == 0


def test_venues_of_one_exchange_share_its_attempts_and_those_at_one_address_its_weight() -> None:
    allowance = Allowance(10)
    assert allowance.attempts(Exchange.OKX) is allowance.attempts(Exchange.OKX)
    assert allowance.attempts(Exchange.OKX) is not allowance.attempts(Exchange.BINANCE)
    spot, swap = (allowance.weight(Exchange.OKX, "https://www.okx.com", 600) for _ in range(2))
    spot.spend(Purpose.HEAL, 90, 5)
    assert swap.wait_ns(Purpose.HEAL, 90, 5) > 0
    assert allowance.weight(Exchange.BINANCE, "https://api.binance.com", 6000).used == 0
