"""The REST endpoints: depth snapshots, metadata and time, with the exchange's weights and refusals."""

from collections.abc import Callable
from http import HTTPStatus

from aiohttp import web

from marketprism.sim.binance import frames, metadata, refusals
from marketprism.sim.binance.books import Books
from marketprism.sim.binance.rules import WireRules
from marketprism.sim.floor import Floor
from marketprism.sim.instruments import MarketKind
from marketprism.sim.weights import WeightMeter

_SPOT_DEFAULT_LIMIT, _SPOT_LARGEST_LIMIT = 100, 5000
_USDM_DEFAULT_LIMIT = 500
_USDM_WEIGHTS = {5: 2, 10: 2, 20: 2, 50: 2, 100: 5, 500: 10, 1000: 20}


class _BadRequestError(Exception):
    """A request that is answered 400.

    Attributes:
        code: The exchange's error number.
    """

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


_Query = dict[str, str]
_Weigh = Callable[[_Query], int]
_Answer = Callable[[_Query, int], bytes]


class _Endpoint:
    """One path: charges the client, then answers."""

    def __init__(self, floor: Floor, market: MarketKind, meter: WeightMeter, weigh: _Weigh, answer: _Answer) -> None:
        self._floor, self._market, self._meter, self._weigh, self._answer = floor, market, meter, weigh, answer

    async def serve(self, request: web.Request) -> web.Response:
        query, now_ms = dict(request.query), self._floor.now_ms(self._market)
        verdict = self._meter.charge(request.remote or "", self._weigh(query), now_ms)
        headers = {"X-MBX-USED-WEIGHT-1M": str(verdict.used)}
        if verdict.status != HTTPStatus.OK:
            headers["Retry-After"] = str(verdict.retry_after)
            return refusals.response(verdict.status, headers, now_ms + verdict.retry_after * 1000)
        try:
            return refusals.json(self._answer(query, now_ms), HTTPStatus.OK, headers)
        except _BadRequestError as error:
            return refusals.json(refusals.error(error.code, str(error)), HTTPStatus.BAD_REQUEST, headers)


def routes(floor: Floor, rules: dict[MarketKind, WireRules], books: Books) -> list[web.RouteDef]:
    """Return the REST routes of the served markets."""
    found: list[web.RouteDef] = []
    for market in (MarketKind.BINANCE_SPOT, MarketKind.BINANCE_USDM):
        if market not in floor.settings.markets:
            continue
        meter, spot = WeightMeter(rules[market].weight_per_minute), market is MarketKind.BINANCE_SPOT
        endpoints: dict[str, tuple[_Weigh, _Answer]] = {
            "time": (_constant(1), _time),
            "exchangeInfo": (_constant(20 if spot else 1), _exchange_info(market, books)),
            "depth": (_spot_depth_weight if spot else _usdm_depth_weight, _depth(market, books)),
        }
        prefix = "/spot/api/v3" if spot else "/usdm/fapi/v1"
        found += [
            web.get(f"{prefix}/{name}", _Endpoint(floor, market, meter, *each).serve)
            for name, each in endpoints.items()
        ]
    return found


def _constant(weight: int) -> _Weigh:
    return lambda _query: weight


def _spot_depth_weight(query: _Query) -> int:
    limit = _number(query.get("limit")) or _SPOT_DEFAULT_LIMIT
    return 5 if limit <= 100 else 25 if limit <= 500 else 50 if limit <= 1000 else 250


def _usdm_depth_weight(query: _Query) -> int:
    if "limit" not in query:
        return 1  # measured on the real exchange, documented nowhere: 500 levels for almost nothing
    return _USDM_WEIGHTS.get(_number(query["limit"]) or 0, 10)


def _time(_query: _Query, now_ms: int) -> bytes:
    return frames.encode({"serverTime": now_ms})


def _exchange_info(market: MarketKind, books: Books) -> _Answer:
    def answer(query: _Query, now_ms: int) -> bytes:
        listings = books.listings(market)
        if "symbol" in query:
            listings = [each for each in listings if each.symbol == query["symbol"]]
            if not listings:
                raise _BadRequestError(-1121, "Invalid symbol.")
        return frames.encode(metadata.exchange_info(listings, now_ms))

    return answer


def _depth(market: MarketKind, books: Books) -> _Answer:
    def answer(query: _Query, now_ms: int) -> bytes:
        symbol = query.get("symbol")
        if not symbol:
            text = "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed."
            raise _BadRequestError(-1102, text)
        snapshot = books.snapshot(market, symbol, _limit(market, query.get("limit")), now_ms)
        if snapshot is None:
            raise _BadRequestError(-1121, "Invalid symbol.")
        return snapshot

    return answer


def _limit(market: MarketKind, text: str | None) -> int:
    """Return how many levels a side a client gets for its `limit`."""
    if text is None:
        return _SPOT_DEFAULT_LIMIT if market is MarketKind.BINANCE_SPOT else _USDM_DEFAULT_LIMIT
    limit = _number(text)
    if market is MarketKind.BINANCE_SPOT:
        if not limit:
            raise _BadRequestError(-1130, "Data sent for parameter 'limit' is not valid.")
        return min(limit, _SPOT_LARGEST_LIMIT)
    if limit not in _USDM_WEIGHTS:
        raise _BadRequestError(-4021, f"'{text}' is not valid depth limit.")
    return limit


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() else None
