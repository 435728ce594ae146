import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from marketprism.collector.rest import LIMITED_WAIT_SECONDS, RestClient, retry_after
from marketprism.venues.protocol import Purpose, RestRequest
from tests.collector.events import instrument
from tests.collector.waiting import until

Handler = Callable[[web.Request], web.Response]
NOON_NS = 1_791_374_400_000_000_000


class Venue:
    """A REST server that answers as told, and a client that keeps what it got."""

    def __init__(self, answer: Handler) -> None:
        self.asked: list[str] = []
        self.bodies: dict[str, bytes] = {}
        self.failed: list[str] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self._answer = answer
        self.client: RestClient

    async def handle(self, request: web.Request) -> web.Response:
        self.asked.append(request.query["symbol"])
        await self.gate.wait()
        return self._answer(request)

    async def on_body(self, request: RestRequest, body: bytes, _receive_ns: int) -> None:
        assert request.instrument is not None
        self.bodies[request.instrument.symbol] = body

    def want(self, symbol: str, weight: int = 50) -> None:
        wanted = instrument(symbol)
        self.client.request(RestRequest(Purpose.BOOK, "orderbook", wanted, f"/depth?symbol={wanted.name}", weight))


@asynccontextmanager
async def running(answer: Handler, weight_per_minute: int = 6000) -> AsyncIterator[Venue]:
    venue = Venue(answer)
    application = web.Application()
    application.router.add_get("/depth", venue.handle)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    venue.client = RestClient(
        venue="binance-spot",
        base_url=f"http://127.0.0.1:{runner.addresses[0][1]}",
        weight_per_minute=weight_per_minute,
        on_body=venue.on_body,
        on_failure=lambda request: venue.failed.append(request.instrument.symbol),
        clock=lambda: NOON_NS,  # a minute that never turns
    )
    task = asyncio.create_task(venue.client.run())
    try:
        yield venue
    finally:
        venue.gate.set()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await runner.cleanup()


async def test_a_snapshot_is_fetched_and_handed_on() -> None:
    async with running(lambda _: web.Response(text='{"lastUpdateId":1}')) as venue:
        venue.want("BTC-USDT")
        await until(lambda: venue.bodies)
        assert venue.bodies == {"BTC-USDT": b'{"lastUpdateId":1}'}
        assert venue.client.outcomes["ok"] == 1


async def test_the_same_wish_twice_is_one_request() -> None:
    async with running(lambda _: web.Response(text="{}")) as venue:
        venue.gate.clear()
        for _ in range(3):
            venue.want("A-USDT")
            venue.want("B-USDT")
        await until(lambda: len(venue.asked) == 2)
        venue.gate.set()
        await until(lambda: len(venue.bodies) == 2)
        assert sorted(venue.asked) == ["AUSDT", "BUSDT"]


async def test_the_budget_is_shared_by_all_symbols() -> None:
    async with running(lambda _: web.Response(text="{}"), weight_per_minute=125) as venue:
        for symbol in ("A-USDT", "B-USDT", "C-USDT"):
            venue.want(symbol, weight=50)
        await until(lambda: len(venue.bodies) == 2)
        await asyncio.sleep(0.3)  # three staggers
        assert len(venue.asked) == 2
        assert venue.client.budget.used == 100


async def test_the_venues_own_weight_count_is_believed() -> None:
    async with running(lambda _: web.Response(text="{}", headers={"X-MBX-USED-WEIGHT-1M": "4801"})) as venue:
        venue.want("A-USDT")
        await until(lambda: venue.bodies)
        venue.want("B-USDT")
        await asyncio.sleep(0.3)
        assert venue.asked == ["AUSDT"]


@pytest.mark.parametrize(
    ("status", "headers", "outcome", "blocked"),
    [
        (429, {"Retry-After": "30"}, "limited", False),
        (418, {"Retry-After": "120"}, "limited", False),
        (451, {}, "blocked", True),
        (403, {}, "blocked", True),
        (500, {}, "failed", False),
    ],
)
async def test_a_refusal_is_counted_and_stops_further_requests_as_it_says(
    status: int, headers: dict[str, str], outcome: str, *, blocked: bool
) -> None:
    async with running(lambda _: web.Response(status=status, headers=headers, text="no")) as venue:
        venue.want("A-USDT")
        await until(lambda: venue.failed == ["A-USDT"])
        assert venue.client.outcomes[outcome] == 1
        assert (venue.client.blocked == f"HTTP {status} no") is blocked
        venue.want("B-USDT")
        await asyncio.sleep(0.3)
        assert venue.asked == (["AUSDT", "BUSDT"] if outcome == "failed" else ["AUSDT"])


async def test_a_server_that_is_away_is_a_failure() -> None:
    async with running(lambda _: web.Response(text="{}")) as venue:
        venue.client._base_url = "http://127.0.0.1:1"
        venue.want("A-USDT")
        await until(lambda: venue.failed == ["A-USDT"])


@pytest.mark.parametrize(
    ("header", "seconds"), [("7", 7.0), (None, LIMITED_WAIT_SECONDS), ("Wed, 21 Oct 2026", LIMITED_WAIT_SECONDS)]
)
def test_retry_after_is_read_or_replaced_by_the_venues_window(header: str | None, seconds: float) -> None:
    assert retry_after(header) == seconds
