"""Control messages of a connection: SUBSCRIBE, UNSUBSCRIBE, LIST_SUBSCRIPTIONS, and their acknowledgements.

As on the real exchange every well-formed SUBSCRIBE is acknowledged, whatever it names: an unknown symbol, a wrong
route, upper case. None of these ever delivers. An acknowledgement is not data.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import msgspec

from marketprism.sim.instruments import MarketKind


class Method(StrEnum):
    """What a client may ask for."""

    SUBSCRIBE = "SUBSCRIBE"
    UNSUBSCRIBE = "UNSUBSCRIBE"
    LIST_SUBSCRIPTIONS = "LIST_SUBSCRIPTIONS"


@dataclass(frozen=True, slots=True)
class Request:
    """A well-formed control message."""

    method: Method
    streams: tuple[str, ...]
    id: int | str | None


class RefusedRequestError(Exception):
    """A control message that is answered with an error.

    Attributes:
        code: The exchange's number: 2 for a wrong request, 3 for text that is no JSON.
        id: The request's id where it could be read.
    """

    def __init__(self, code: int, message: str, request_id: int | str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.id = request_id


def read(text: str) -> Request:
    """Read a control message.

    Raises:
        RefusedRequestError: It is not one.
    """
    try:
        message = msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise RefusedRequestError(3, f"Invalid JSON: {error}") from error
    if not isinstance(message, dict):
        raise RefusedRequestError(2, "Invalid request: request must be an object")
    request_id = message.get("id")
    if isinstance(request_id, bool) or not isinstance(request_id, int | str | None):
        raise RefusedRequestError(2, "Invalid request: request ID must be an unsigned integer, a string or null")
    if message.get("method") not in list(Method):
        known = ", ".join(f"`{method}`" for method in Method)
        text = f"Invalid request: unknown variant `{message.get('method')}`, expected one of {known}"
        raise RefusedRequestError(2, text, request_id)
    return Request(Method(message["method"]), _streams(message, request_id), request_id)


def _streams(message: dict[str, Any], request_id: int | str | None) -> tuple[str, ...]:
    if message["method"] == Method.LIST_SUBSCRIPTIONS:
        return ()
    params = message.get("params")
    if not isinstance(params, list) or not all(isinstance(name, str) for name in params):
        raise RefusedRequestError(2, "Invalid request: params must be an array of stream names", request_id)
    return tuple(params)


def acknowledgement(request: Request, result: list[str] | None = None) -> bytes:
    """Render the answer to a request; never wrapped, not even on a combined connection."""
    return msgspec.json.encode({"result": result, "id": request.id})


def refusal(market: MarketKind, code: int, message: str, request_id: int | str | None = None) -> bytes:
    """Render an error: flat on spot, nested on futures."""
    error = {"code": code, "msg": message}
    if market is MarketKind.BINANCE_SPOT:
        return msgspec.json.encode({**error, "id": request_id})
    return msgspec.json.encode({"error": error, "id": request_id})


def too_many_subscriptions() -> bytes:
    """Render what is said before the connection closes."""
    return msgspec.json.encode({"error": {"code": 4, "msg": "Too many subscriptions"}})


SHUTDOWN_STREAM = "!serverShutdown"


def shutdown(now_ms: int) -> bytes:
    """Render the notice that the server will close the connection; spot only, since May 2026."""
    return msgspec.json.encode({"e": "serverShutdown", "E": now_ms})
