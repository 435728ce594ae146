"""What a feed asks for over REST, within the venue's weight budget and its answers about it."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable

import aiohttp

from marketprism.collector.budget import WeightBudget
from marketprism.contract.instruments import Instrument
from marketprism.telemetry import logs
from marketprism.venues.protocol import Purpose, RestRequest

REQUEST_SECONDS = 15.0
STAGGER_SECONDS = 0.1
"""Between the starts of two requests, so that many books that lost their connection do not ask in one moment."""
WORKERS = 4
LIMITED_STATUSES = frozenset({418, 429})
BLOCKED_STATUSES = frozenset({403, 451})
LIMITED_WAIT_SECONDS = 60.0
"""Wait after 418 and 429 that name no time; the venue's window is a minute."""
BLOCKED_WAIT_SECONDS = 300.0
"""Wait after 403 and 451: asking on lengthens a block, and places do not change fast."""
OUTCOMES = ("ok", "failed", "limited", "blocked")

OnBody = Callable[[RestRequest, bytes, int], Awaitable[None]]

Key = tuple[Purpose, str, Instrument | None]
_URGENCY = tuple(Purpose)

_log = logs.get("rest")


def _key(request: RestRequest) -> Key:
    return request.purpose, request.data_type, request.instrument


def retry_after(header: str | None) -> float:
    """Return the seconds that a ``Retry-After`` header asks for."""
    return float(header) if header is not None and header.strip().isdigit() else LIMITED_WAIT_SECONDS


class RestClient:
    """Fetches what one venue's feed asks for.

    Args:
        venue: Name, for logs.
        base_url: REST base address.
        weight_per_minute: The venue's limit; all instruments share it.
        on_body: Takes the answer to a request and the nanoseconds of its receipt.
        on_failure: Told of a request that failed.
        clock: UTC nanoseconds.
    """

    def __init__(
        self,
        *,
        venue: str,
        base_url: str,
        weight_per_minute: int,
        on_body: OnBody,
        on_failure: Callable[[RestRequest], None],
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self.budget = WeightBudget(weight_per_minute)
        self.outcomes: Counter[str] = Counter(dict.fromkeys(OUTCOMES, 0))
        self.blocked: str | None = None
        """Why the venue refuses this address altogether; None when it does not."""
        self._venue = venue
        self._base_url = base_url
        self._on_body = on_body
        self._on_failure = on_failure
        self._clock = clock
        self._wanted: dict[Key, RestRequest] = {}
        self._running: set[Key] = set()
        self._work = asyncio.Event()
        self._turn = asyncio.Lock()

    def request(self, request: RestRequest) -> None:
        """Ask; a second wish for the same changes nothing while the first is waiting."""
        self._wanted.setdefault(_key(request), request)
        self._work.set()

    async def run(self) -> None:
        """Fetch what is asked for, until cancelled."""
        timeout = aiohttp.ClientTimeout(total=REQUEST_SECONDS)
        async with (
            aiohttp.ClientSession(timeout=timeout, trust_env=True) as http,
            asyncio.TaskGroup() as workers,
        ):
            for number in range(WORKERS):
                workers.create_task(self._work_off(http), name=f"{self._venue} rest {number}")

    async def _work_off(self, http: aiohttp.ClientSession) -> None:
        while True:
            async with self._turn:
                request = await self._next()
            self._running.add(_key(request))
            try:
                await self._fetch(http, request)
            finally:
                self._running.discard(_key(request))
                self._work.set()

    async def _next(self) -> RestRequest:
        """Wait for a wish, for its place in the budget, and for the stagger after the one before."""
        while True:
            ready = min(
                (request for key, request in self._wanted.items() if key not in self._running),
                key=lambda request: _URGENCY.index(request.purpose),
                default=None,
            )
            if ready is None:
                self._work.clear()
                await self._work.wait()
                continue
            wait_ns = self.budget.wait_ns(ready.weight, self._clock())
            if wait_ns > 0:
                await asyncio.sleep(wait_ns / 1e9)
                continue
            del self._wanted[_key(ready)]
            self.budget.spend(ready.weight, self._clock())
            await asyncio.sleep(STAGGER_SECONDS)
            return ready

    async def _fetch(self, http: aiohttp.ClientSession, request: RestRequest) -> None:
        try:
            async with http.get(self._base_url + request.path) as answer:
                body = await answer.read()
                receive_ns = self._clock()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            self._failed(request, "failed", str(error) or type(error).__name__)
            return
        used = answer.headers.get("X-MBX-USED-WEIGHT-1M", "")
        if used.isdigit():
            self.budget.observe(int(used), receive_ns)
        if answer.status == 200:
            self.outcomes["ok"] += 1
            self.blocked = None
            await self._on_body(request, body, receive_ns)
        else:
            self._refused(request, answer, body, receive_ns)

    def _refused(self, request: RestRequest, answer: aiohttp.ClientResponse, body: bytes, now_ns: int) -> None:
        detail = f"HTTP {answer.status} {body[:200].decode(errors='replace')}"
        if answer.status in LIMITED_STATUSES:
            self.budget.close(retry_after(answer.headers.get("Retry-After")), now_ns)
            self._failed(request, "limited", detail)
        elif answer.status in BLOCKED_STATUSES:
            self.budget.close(BLOCKED_WAIT_SECONDS, now_ns)
            self.blocked = detail
            self._failed(request, "blocked", detail)
        else:
            self._failed(request, "failed", detail)

    def _failed(self, request: RestRequest, outcome: str, detail: str) -> None:
        self.outcomes[outcome] += 1
        _log.warning("not fetched", venue=self._venue, path=request.path, reason=detail)
        self._on_failure(request)
