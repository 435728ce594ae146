"""The HTTP entrance of Deribit: one path per method, parameters in the query."""

from http import HTTPStatus

from aiohttp import web

from marketprism.sim.deribit import refusals, requests
from marketprism.sim.deribit.calls import Desk
from marketprism.sim.deribit.requests import RefusedRequestError
from marketprism.sim.floor import Floor
from marketprism.sim.instruments import MarketKind

_VENUE = MarketKind.DERIBIT
_TOO_MANY = requests.too_many_requests().code


class Rest:
    """Answers calls over HTTP."""

    def __init__(self, floor: Floor, desk: Desk) -> None:
        self._floor, self._desk = floor, desk

    async def serve(self, request: web.Request) -> web.Response:
        """Answer one call, unless a fault refuses it."""
        query, method = dict(request.query), request.match_info["method"]
        received_us = self._desk.now_us()
        refused = self._floor.faults.refusal(_VENUE, query.get("instrument_name", ""))
        if refused and refused.status != HTTPStatus.TOO_MANY_REQUESTS:
            return refusals.response(refused.status, refused.retry_after)
        try:
            if refused:
                raise requests.too_many_requests()
            self._desk.charge(request.remote or "", method)
            result = self._desk.methods.call(method, query, self._floor.now_ms(_VENUE))
        except RefusedRequestError as error:
            status = HTTPStatus.TOO_MANY_REQUESTS if error.code == _TOO_MANY else HTTPStatus.BAD_REQUEST
            return refusals.json(requests.refusal(error, self._desk.times(received_us)), status)
        return refusals.json(requests.answer(None, result, self._desk.times(received_us)))
