"""What is asked over REST, within the exchange's weight budget and its answers about it."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import aiohttp
from aiohttp_socks import ProxyConnectionError, ProxyConnector, ProxyError, ProxyTimeoutError

from marketprism.collector.allowance import Places
from marketprism.collector.budget import WeightBudget
from marketprism.collector.repeats import Repeats
from marketprism.collector.state import (
    BLOCKED_STATUSES,
    BLOCKED_WAIT_SECONDS,
    LIMITED_STATUSES,
    VenueState,
    retry_after,
)
from marketprism.contract.instruments import Instrument
from marketprism.errors import UnavailableError
from marketprism.telemetry import logs
from marketprism.venues.protocol import Purpose, RestRequest

REQUEST_SECONDS = 15.0
STAGGER_SECONDS = 0.1
"""Between the starts of two requests, so that many books that lost their connection do not ask in one moment."""
WORKERS = 4
OUTCOMES = ("ok", "failed", "limited", "blocked")
SOURCE = "rest"

_URGENCY = tuple(Purpose)
_BAD_REQUEST = 400
_PAST = frozenset({Purpose.HEAL, Purpose.HISTORY})
"""Why these are refused, such as for trades that are too old, is the adapter's to understand."""
UNREACHABLE = (aiohttp.ClientError, TimeoutError, OSError, ProxyConnectionError, ProxyError, ProxyTimeoutError)

_log = logs.get("rest")


def http_session(proxy: str | None) -> aiohttp.ClientSession:
    """Return a session whose requests go through a proxy; None goes directly."""
    timeout = aiohttp.ClientTimeout(total=REQUEST_SECONDS)
    if proxy is not None and proxy.startswith("socks5h:"):
        connector = ProxyConnector.from_url(proxy.replace("socks5h:", "socks5:", 1), rdns=True)
        return aiohttp.ClientSession(timeout=timeout, connector=connector)
    return aiohttp.ClientSession(timeout=timeout, proxy=proxy)


class Asker(Protocol):
    """Who asked for something."""

    async def answered(self, request: RestRequest, body: bytes, receive_ns: int) -> None:
        """Take the answer, and the nanoseconds of its receipt."""
        ...

    def failed(self, request: RestRequest, reason: str) -> None:
        """Note that there will be no answer to this request."""
        ...


@dataclass(frozen=True, slots=True)
class _Failure:
    """A request without a usable answer; its outcome is one of `OUTCOMES`."""

    outcome: str
    reason: str


class _Waiter:
    """Asks for one thing and waits for it."""

    def __init__(self) -> None:
        self.body: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def answered(self, _request: RestRequest, body: bytes, _receive_ns: int) -> None:
        if not self.body.done():
            self.body.set_result(body)

    def failed(self, request: RestRequest, reason: str) -> None:
        if not self.body.done():
            remedy = "it is asked for again; where this lasts, check the venue's rest_url and the proxy"
            self.body.set_exception(UnavailableError(f"{request.path}: {reason}", remedy=remedy))


class RestClient:
    """Fetches what one venue asks for.

    Args:
        venue: Name, for logs.
        base_url: REST base address.
        proxy: Through which proxy; None goes directly.
        budget: Request weight, shared by all that use the address.
        places: Shared by the process.
        state: Told what the venue answers.
        clock: UTC nanoseconds.
    """

    def __init__(
        self,
        *,
        venue: str,
        base_url: str,
        proxy: str | None,
        budget: WeightBudget,
        places: Places,
        state: VenueState,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self.budget = budget
        self.outcomes: Counter[str] = Counter(dict.fromkeys(OUTCOMES, 0))
        self._venue = venue
        self._base_url = base_url
        self._proxy = proxy
        self._places = places
        self._state = state
        self._clock = clock
        self._wanted: dict[RestRequest, Asker] = {}
        self._running: set[RestRequest] = set()
        self._repeats = Repeats()
        self._work = asyncio.Event()
        self._turn = asyncio.Lock()

    def request(self, request: RestRequest, asker: Asker) -> None:
        """Ask; a second wish for the same changes nothing while the first is waiting."""
        self._wanted.setdefault(request, asker)
        self._work.set()

    async def get(self, request: RestRequest) -> bytes:
        """Ask, and wait for the answer.

        Raises:
            UnavailableError: There was none, or it was a refusal.
        """
        waiter = _Waiter()
        self.request(request, waiter)
        return await waiter.body

    def forget(self, asker: Asker) -> None:
        """Ask nothing any more of what somebody wanted."""
        self._wanted = {request: other for request, other in self._wanted.items() if other is not asker}

    def awaited_books(self) -> set[Instrument | None]:
        """Return the instruments whose books are on their way, or wait for the budget."""
        return {each.instrument for each in (*self._wanted, *self._running) if each.purpose is Purpose.BOOK}

    def limit(self, detail: str, seconds: float, now_ns: int) -> None:
        """Ask nothing for some seconds: the venue said so."""
        self.budget.close(seconds, now_ns)
        self._state.limited(seconds, detail, now_ns)

    async def run(self) -> None:
        """Fetch what is asked for, until cancelled."""
        async with http_session(self._proxy) as http, asyncio.TaskGroup() as workers:
            for number in range(WORKERS):
                workers.create_task(self._work_off(http), name=f"{self._venue} rest {number}")

    async def _work_off(self, http: aiohttp.ClientSession) -> None:
        while True:
            async with self._turn:
                request, asker = await self._next()
            self._running.add(request)
            try:
                async with self._places.request():
                    answer = await self._fetch(http, request)
                if isinstance(answer, _Failure):
                    self._failed(request, asker, answer)
                else:
                    await asker.answered(request, *answer)
            finally:
                self._running.discard(request)
                self._work.set()

    async def _next(self) -> tuple[RestRequest, Asker]:
        """Wait for a wish, for its place in the budget, and for the stagger after the one before."""
        while True:
            self._work.clear()
            waits_ns = self._waits_ns()
            if not waits_ns:
                await self._work.wait()
                continue
            ready = [request for request, wait_ns in waits_ns.items() if wait_ns <= 0]
            if not ready:
                await self._pause(min(waits_ns.values()) / 1e9)
                continue
            chosen = min(ready, key=lambda request: _URGENCY.index(request.purpose))
            asker = self._wanted.pop(chosen)
            self.budget.spend(chosen.purpose, chosen.weight, self._clock())
            await asyncio.sleep(STAGGER_SECONDS)
            return chosen, asker

    def _waits_ns(self) -> dict[RestRequest, int]:
        """Return how long the first wish of each purpose has to wait."""
        firsts: dict[Purpose, RestRequest] = {}
        for request in self._wanted:
            if request not in self._running:
                firsts.setdefault(request.purpose, request)
        now_ns = self._clock()
        return {each: self.budget.wait_ns(each.purpose, each.weight, now_ns) for each in firsts.values()}

    async def _pause(self, seconds: float) -> None:
        """Wait for the budget, or for a wish that fits into it."""
        try:
            async with asyncio.timeout(seconds):
                await self._work.wait()
        except TimeoutError:
            return

    async def _fetch(self, http: aiohttp.ClientSession, request: RestRequest) -> tuple[bytes, int] | _Failure:
        """Return the answer and the time of its receipt, or why there is none."""
        try:
            async with http.get(self._base_url + request.path) as answer:
                body = await answer.read()
                receive_ns = self._clock()
        except UNREACHABLE as error:
            return _Failure("failed", str(error) or type(error).__name__)
        used = answer.headers.get("X-MBX-USED-WEIGHT-1M", "")
        if used.isdigit():
            self.budget.observe(int(used), receive_ns)
        if answer.status == _BAD_REQUEST and request.purpose in _PAST:
            self.outcomes["failed"] += 1
            return body, receive_ns
        if answer.status != 200:
            detail = f"HTTP {answer.status} {body[:200].decode(errors='replace')}"
            return _Failure(self._refused(answer, detail, receive_ns), detail)
        self.outcomes["ok"] += 1
        self._state.served(SOURCE)
        return body, receive_ns

    def _refused(self, answer: aiohttp.ClientResponse, detail: str, now_ns: int) -> str:
        """Obey a refusal; return its outcome."""
        if answer.status in LIMITED_STATUSES:
            self.limit(detail, retry_after(answer.headers.get("Retry-After")), now_ns)
            return "limited"
        if answer.status in BLOCKED_STATUSES:
            self.budget.close(BLOCKED_WAIT_SECONDS, now_ns)
            self._state.blocked(SOURCE, detail)
            return "blocked"
        return "failed"

    def _failed(self, request: RestRequest, asker: Asker, failure: _Failure) -> None:
        self.outcomes[failure.outcome] += 1
        count = self._repeats.count(f"{failure.outcome} {request.purpose}", time.monotonic())
        if count:
            _log.warning("not fetched", venue=self._venue, path=request.path, reason=failure.reason, count=count)
        asker.failed(request, failure.reason)
