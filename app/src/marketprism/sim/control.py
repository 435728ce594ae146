"""Faults on demand: the HTTP path under which they are injected, listed and withdrawn."""

from collections.abc import Callable
from time import monotonic
from typing import Any

import msgspec
from aiohttp import web

from marketprism.errors import ConfigurationError
from marketprism.sim.faults import FaultKind
from marketprism.sim.injection import Fault, Faults, Order, order

PATH = "/control/faults"


def routes(faults: Faults, inject: Callable[[Order], Fault]) -> list[web.RouteDef]:
    """Return the routes of the control path.

    ``POST`` takes ``{"fault", "venue"?, "symbol"?, "seconds"?, "count"?, <parameter>…}`` and answers the injected
    fault, or 400 with the reason; ``GET`` answers ``{"available": […], "active": […]}``; ``DELETE`` withdraws all
    faults, or with ``?id=`` one of them, and answers ``{"withdrawn": n}``.
    """

    async def post(request: web.Request) -> web.Response:
        try:
            fields = msgspec.json.decode(await request.read(), type=dict[str, Any])
            return _json(_shown(inject(order(fields))), status=201)
        except msgspec.DecodeError as error:
            return _json({"error": f"the body is no JSON object: {error}"}, status=400)
        except ConfigurationError as error:
            return _json({"error": str(error)}, status=400)

    async def get(_request: web.Request) -> web.Response:
        available = [_described(kind) for kind in faults.kinds.values()]
        return _json({"available": available, "active": [_shown(each) for each in faults.alive()]})

    async def delete(request: web.Request) -> web.Response:
        number = request.query.get("id")
        if number is not None and not number.isdecimal():
            return _json({"error": f"id {number!r} is no number"}, status=400)
        return _json({"withdrawn": faults.withdraw(None if number is None else int(number))})

    return [web.post(PATH, post), web.get(PATH, get), web.delete(PATH, delete)]


def _described(kind: FaultKind) -> dict[str, Any]:
    return {
        "fault": kind.name,
        "where": kind.where,
        "summary": kind.summary,
        "parameters": kind.parameters,
        "seconds": kind.seconds,
        "count": kind.count,
        "venues": kind.markets or ["*"],
    }


def _shown(fault: Fault) -> dict[str, Any]:
    return {
        "id": fault.id,
        "fault": fault.kind.name,
        "venue": fault.market or "*",
        "symbol": fault.symbol,
        "parameters": fault.parameters,
        "seconds_left": None if fault.until is None else round(max(0.0, fault.until - monotonic()), 3),
        "left": fault.left,
        "struck": fault.struck,
    }


def _json(body: dict[str, Any], status: int = 200) -> web.Response:
    return web.Response(body=msgspec.json.encode(body), status=status, content_type="application/json")
