"""The REST entrances of OKX: limits per endpoint, refusals, faults, and the table of paths."""

from collections.abc import Mapping
from http import HTTPStatus
from time import monotonic

from aiohttp import web

from marketprism.sim.floor import Floor
from marketprism.sim.instruments import MarketKind
from marketprism.sim.okx import frames, ratios, refusals, trades
from marketprism.sim.okx.instrument import Instrument
from marketprism.sim.okx.limits import RequestWindow
from marketprism.sim.okx.queries import Endpoint, Query, Rows, required
from marketprism.sim.okx.refusals import RefusedQueryError

_WINDOW_SECONDS = 2
_MARKET_OF_TYPE = {"SPOT": MarketKind.OKX_SPOT, "SWAP": MarketKind.OKX_SWAP}
_OTHER_TYPES = {"MARGIN", "FUTURES", "OPTION"}


class _Entrance:
    """Answers one path, unless the client asks too often or a fault says otherwise."""

    def __init__(self, floor: Floor, endpoint: Endpoint) -> None:
        self._floor, self._endpoint = floor, endpoint
        self._window = RequestWindow(endpoint.most, _WINDOW_SECONDS)

    async def serve(self, request: web.Request) -> web.Response:
        query = dict(request.query)
        market, symbol = self._about(query), query.get("instId", "")
        client = f"{request.remote} {symbol if self._endpoint.by_instrument else ''}"
        if self._floor.faults.strike("limit-in-200", market, symbol):
            return refusals.answer(refusals.too_many_requests(HTTPStatus.OK))
        refused = self._floor.faults.refusal(market, symbol)
        if refused:
            return refusals.response(refused.status)
        if not self._window.admit(client, monotonic()):
            return refusals.answer(refusals.too_many_requests())
        try:
            rows = self._endpoint.answer(query, self._floor.now_ms(market))
        except RefusedQueryError as error:
            return refusals.answer(error)
        return refusals.json({"code": "0", "msg": "", "data": rows}, HTTPStatus.OK)

    def _about(self, query: Query) -> MarketKind:
        """Tell which market a request is about; one about none counts for a served one."""
        served = self._floor.settings.markets
        if "instId" in query:
            return MarketKind.OKX_SWAP if query["instId"].endswith("-SWAP") else MarketKind.OKX_SPOT
        default = MarketKind.OKX_SPOT if MarketKind.OKX_SPOT in served else MarketKind.OKX_SWAP
        return _MARKET_OF_TYPE.get(query.get("instType", ""), default)


def routes(floor: Floor, instruments: Mapping[str, Instrument]) -> list[web.RouteDef]:
    """Return the REST routes."""
    table = {
        "public/time": Endpoint(10, lambda _query, now_ms: [{"ts": str(now_ms)}]),
        "public/instruments": Endpoint(20, lambda query, _now_ms: _listed(query, instruments)),
        **trades.endpoints(instruments),
        **ratios.endpoints(floor, instruments),
    }
    return [web.get(f"/api/v5/{path}", _Entrance(floor, endpoint).serve) for path, endpoint in table.items()]


def _listed(query: Query, instruments: Mapping[str, Instrument]) -> Rows:
    kind = required(query, "instType")
    if kind not in _MARKET_OF_TYPE and kind not in _OTHER_TYPES:
        raise refusals.wrong("instType")
    found = [each for each in instruments.values() if each.listing.kind == kind and each.market.listed]
    if "instId" in query:
        found = [each for each in found if each.listing.symbol == query["instId"]]
        if not found:
            raise refusals.unknown_instrument()
    return [frames.instrument(each.listing) for each in found]
