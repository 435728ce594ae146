"""The REST entrances of Binance: budgets, refusals, faults, and the table of paths."""

import asyncio
from http import HTTPStatus

from aiohttp import web

from marketprism.sim.binance import frames, refusals, snapshots, trades
from marketprism.sim.binance.books import Books, GeneratedBooks
from marketprism.sim.binance.polls import Latest, Polls
from marketprism.sim.binance.queries import BadRequestError, Endpoint, Query, constant
from marketprism.sim.binance.rules import WireRules
from marketprism.sim.floor import Floor
from marketprism.sim.instruments import MarketKind
from marketprism.sim.weights import WeightMeter

_STATISTICS_REQUESTS, _STATISTICS_SECONDS = 1000, 300


class _Entrance:
    """Charges the client, then answers, unless a fault says otherwise.

    Args:
        shown: Whether the weight used is told in a header.
    """

    def __init__(
        self, floor: Floor, market: MarketKind, meter: WeightMeter, endpoint: Endpoint, *, shown: bool = True
    ) -> None:
        self._floor, self._market, self._meter, self._endpoint = floor, market, meter, endpoint
        self._shown = shown

    async def serve(self, request: web.Request) -> web.Response:
        query, now_ms = dict(request.query), self._floor.now_ms(self._market)
        verdict = self._meter.charge(request.remote or "", self._endpoint.weigh(query), now_ms)
        headers = {"X-MBX-USED-WEIGHT-1M": str(verdict.used)} if self._shown else {}
        status, retry_after = verdict.status, verdict.retry_after
        fault = self._floor.faults.refusal(self._market, query.get("symbol", ""))
        if fault:
            status, retry_after = fault.status, fault.retry_after
        if status != HTTPStatus.OK:
            if retry_after:
                headers["Retry-After"] = str(retry_after)
            return refusals.response(status, headers, now_ms + retry_after * 1000)
        slow = self._endpoint.slow and self._floor.faults.strike("slow-snapshot", self._market, query.get("symbol", ""))
        return await self._answer(query, now_ms, headers, delay=slow.seconds("delay") if slow else 0)

    async def _answer(self, query: Query, now_ms: int, headers: dict[str, str], *, delay: float) -> web.Response:
        """Answer, late where that is asked for: the answer is as old as the request."""
        try:
            body, status = self._endpoint.answer(query, now_ms), HTTPStatus.OK
        except BadRequestError as error:
            body, status = refusals.error(error.code, str(error)), HTTPStatus.BAD_REQUEST
        await asyncio.sleep(delay)
        return refusals.json(body, status, headers)


def routes(
    floor: Floor, rules: dict[MarketKind, WireRules], recorded: Books | None, latest: Latest
) -> list[web.RouteDef]:
    """Return the REST routes of the served markets; a replay has books only."""
    books = recorded or GeneratedBooks(floor)
    found: list[web.RouteDef] = []
    for market, prefix in ((MarketKind.BINANCE_SPOT, "/spot/api/v3"), (MarketKind.BINANCE_USDM, "/usdm/fapi/v1")):
        if market not in floor.settings.markets:
            continue
        meter = WeightMeter(rules[market].weight_per_minute)
        table = {"time": Endpoint(constant(1), _time), **snapshots.endpoints(market, books)}
        if recorded is None:
            table |= trades.endpoints(floor, market)
        if recorded is None and market is MarketKind.BINANCE_USDM:
            polls = Polls(floor, latest)
            table |= polls.market_endpoints()
            found += _statistics(floor, polls)
        found += [
            web.get(f"{prefix}/{name}", _Entrance(floor, market, meter, each).serve) for name, each in table.items()
        ]
    return found


def _statistics(floor: Floor, polls: Polls) -> list[web.RouteDef]:
    meter, market = WeightMeter(_STATISTICS_REQUESTS, _STATISTICS_SECONDS), MarketKind.BINANCE_USDM
    return [
        web.get(f"/usdm/futures/data/{name}", _Entrance(floor, market, meter, each, shown=False).serve)
        for name, each in polls.statistics_endpoints().items()
    ]


def _time(_query: Query, now_ms: int) -> bytes:
    return frames.encode({"serverTime": now_ms})
