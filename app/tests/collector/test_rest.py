import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from marketprism.collector.allowance import Places
from marketprism.collector.budget import WeightBudget
from marketprism.collector.rest import RestClient
from marketprism.collector.state import VenueState
from marketprism.errors import UnavailableError
from marketprism.venues.protocol import Purpose, RestRequest
from tests.collector.events import instrument
from tests.collector.proxied import HOST, http_proxy, socks5_proxy
from tests.collector.waiting import until

Handler = Callable[[web.Request], web.Response]
NOON_NS = 1_791_374_400_000_000_000


class Venue:
    """A REST server that answers as told, and a client that keeps what it got."""

    def __init__(self, answer: Handler) -> None:
        self.asked: list[str] = []
        self.bodies: dict[str, bytes] = {}
        self.failures: list[str] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.state = VenueState("binance-spot")
        self.state.started()
        self._answer = answer
        self.client: RestClient

    async def handle(self, request: web.Request) -> web.Response:
        self.asked.append(request.query["symbol"])
        await self.gate.wait()
        return self._answer(request)

    async def answered(self, request: RestRequest, body: bytes, _receive_ns: int) -> None:
        assert request.instrument is not None
        self.bodies[request.instrument.symbol] = body

    def failed(self, request: RestRequest, _reason: str) -> None:
        assert request.instrument is not None
        self.failures.append(request.instrument.symbol)

    def want(self, symbol: str, weight: int = 50, purpose: Purpose = Purpose.BOOK) -> RestRequest:
        wanted = instrument(symbol)
        request = RestRequest(purpose, "orderbook", wanted, f"/depth?symbol={wanted.name}", weight)
        self.client.request(request, self)
        return request


@asynccontextmanager
async def running(
    answer: Handler, weight_per_minute: int = 6000, *, host: str = "127.0.0.1", proxy: str | None = None
) -> AsyncIterator[Venue]:
    venue = Venue(answer)
    application = web.Application()
    application.router.add_get("/depth", venue.handle)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    venue.client = RestClient(
        venue="binance-spot",
        base_url=f"http://{host}:{runner.addresses[0][1]}",
        proxy=proxy,
        budget=WeightBudget(weight_per_minute),
        places=Places(10),
        state=venue.state,
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
            venue.want(symbol, weight=45)
        await until(lambda: len(venue.bodies) == 2)
        await asyncio.sleep(0.3)  # three staggers
        assert len(venue.asked) == 2
        assert venue.client.budget.used == 90


async def test_the_venues_own_weight_count_is_believed() -> None:
    async with running(lambda _: web.Response(text="{}", headers={"X-MBX-USED-WEIGHT-1M": "4801"})) as venue:
        venue.want("A-USDT")
        await until(lambda: venue.bodies)
        venue.want("B-USDT")
        await asyncio.sleep(0.3)
        assert venue.asked == ["AUSDT"]


@pytest.mark.parametrize(
    ("status", "headers", "outcome", "cause"),
    [
        (429, {"Retry-After": "30"}, "limited", "rate limited for 30 s more: HTTP 429 no"),
        (418, {"Retry-After": "120"}, "limited", "rate limited for 120 s more: HTTP 418 no"),
        (451, {}, "blocked", "blocked: HTTP 451 no"),
        (403, {}, "blocked", "blocked: HTTP 403 no"),
        (500, {}, "failed", None),
    ],
)
async def test_a_refusal_is_counted_and_stops_further_requests_as_it_says(
    status: int, headers: dict[str, str], outcome: str, cause: str | None
) -> None:
    async with running(lambda _: web.Response(status=status, headers=headers, text="no")) as venue:
        venue.want("A-USDT")
        await until(lambda: venue.failures == ["A-USDT"])
        assert venue.client.outcomes[outcome] == 1
        assert venue.state.cause(NOON_NS) == cause
        venue.want("B-USDT")
        await asyncio.sleep(0.3)
        assert venue.asked == (["AUSDT", "BUSDT"] if outcome == "failed" else ["AUSDT"])


async def test_a_server_that_is_away_is_a_failure() -> None:
    async with running(lambda _: web.Response(text="{}")) as venue:
        venue.client._base_url = "http://127.0.0.1:1"
        venue.want("A-USDT")
        await until(lambda: venue.failures == ["A-USDT"])


async def test_books_are_asked_for_before_all_else_that_waits() -> None:
    async with running(lambda _: web.Response(text="{}")) as venue:
        for symbol, purpose in (("H-USDT", Purpose.HEAL), ("P-USDT", Purpose.POLL), ("B-USDT", Purpose.BOOK)):
            venue.want(symbol, purpose=purpose)
        await until(lambda: len(venue.bodies) == 3)
        assert venue.asked == ["BUSDT", "PUSDT", "HUSDT"]


async def test_a_flood_of_heals_does_not_hold_a_book_up() -> None:
    async with running(lambda _: web.Response(text="{}"), weight_per_minute=125) as venue:
        for number in range(20):
            venue.want(f"H{number}-USDT", weight=10, purpose=Purpose.HEAL)
        await until(lambda: len(venue.bodies) == 2)
        venue.want("B-USDT", weight=50)
        await until(lambda: "B-USDT" in venue.bodies)
        assert venue.asked == ["H0USDT", "H1USDT", "BUSDT"]


async def test_what_is_awaited_comes_as_it_is_and_a_refusal_is_raised() -> None:
    async with running(lambda r: web.Response(status=200 if r.query["symbol"] == "AUSDT" else 500, text="[]")) as venue:
        listing = RestRequest(Purpose.LISTING, "", None, "/depth?symbol=AUSDT", 1)
        assert await venue.client.get(listing) == b"[]"
        with pytest.raises(UnavailableError, match=r"/depth\?symbol=BUSDT: HTTP 500"):
            await venue.client.get(RestRequest(Purpose.LISTING, "", None, "/depth?symbol=BUSDT", 1))


async def test_what_is_forgotten_is_not_asked_for() -> None:
    async with running(lambda _: web.Response(text="{}")) as venue:
        venue.client.limit("told with HTTP 200", 60, NOON_NS)
        wanted = venue.want("A-USDT")
        assert venue.client.awaited_books() == {wanted.instrument}
        venue.client.forget(venue)
        assert venue.client.awaited_books() == set()


async def test_a_limit_that_came_with_http_200_stops_further_requests() -> None:
    async with running(lambda _: web.Response(text="{}")) as venue:
        venue.client.limit("50011", 60, NOON_NS)
        venue.want("A-USDT")
        await asyncio.sleep(0.3)
        assert venue.asked == []
        assert venue.state.cause(NOON_NS) == "rate limited for 60 s more: 50011"


async def test_requests_go_through_an_http_proxy_with_its_user() -> None:
    async with (
        http_proxy() as proxy,
        running(
            lambda _: web.Response(text="{}"), host=HOST, proxy=f"http://me:secret@127.0.0.1:{proxy.port}"
        ) as venue,
    ):
        venue.want("A-USDT")
        await until(lambda: venue.bodies)
        assert [target.partition(":")[0] for target in proxy.targets] == [HOST]
        assert proxy.users == ["Basic bWU6c2VjcmV0"]


async def test_requests_go_through_a_socks_proxy_which_resolves_the_name() -> None:
    async with (
        socks5_proxy() as proxy,
        running(
            lambda _: web.Response(text="{}"), host=HOST, proxy=f"socks5h://me:secret@127.0.0.1:{proxy.port}"
        ) as venue,
    ):
        venue.want("A-USDT")
        await until(lambda: venue.bodies)
        assert [target.partition(":")[0] for target in proxy.targets] == [HOST]
        assert proxy.users == ["me:secret"]


async def test_a_proxy_that_is_away_is_a_failure_of_the_request() -> None:
    async with running(lambda _: web.Response(text="{}"), host=HOST, proxy="socks5h://127.0.0.1:1") as venue:
        venue.want("A-USDT")
        await until(lambda: venue.failures == ["A-USDT"])
