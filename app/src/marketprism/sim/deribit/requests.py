"""JSON-RPC 2.0 as Deribit speaks it: requests, results with their times, errors and notifications.

See https://docs.deribit.com/#json-rpc.
"""

from dataclasses import dataclass
from typing import Any

import msgspec

Params = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Request:
    """One call; `id` is None where the client wants no answer of its own."""

    method: str
    params: Params
    id: int | str | None


class RefusedRequestError(Exception):
    """A call that is answered with an error.

    Attributes:
        code: Deribit's number.
        data: What the error is about, where Deribit says it.
        id: The request's id where it could be read.
    """

    def __init__(
        self, code: int, message: str, data: dict[str, str] | None = None, *, request_id: int | str | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.data = data
        self.id = request_id


def read(text: str) -> Request:
    """Read a call.

    Raises:
        RefusedRequestError: It is no JSON (-32700) or no call (-32600).
    """
    try:
        message = msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise RefusedRequestError(-32700, "Parse error") from error
    if not isinstance(message, dict):
        raise RefusedRequestError(-32600, "Invalid Request")
    request_id = message.get("id")
    if isinstance(request_id, bool) or not isinstance(request_id, int | str | None):
        raise RefusedRequestError(-32600, "Invalid Request")
    method, params = message.get("method"), message.get("params") or {}
    if not isinstance(method, str) or not isinstance(params, dict):
        raise RefusedRequestError(-32600, "Invalid Request", request_id=request_id)
    return Request(method, params, request_id)


def invalid(param: str, reason: str) -> RefusedRequestError:
    """Describe a parameter that is missing or wrong."""
    return RefusedRequestError(-32602, "Invalid params", {"reason": reason, "param": param})


def unknown_method() -> RefusedRequestError:
    """Describe a call to a method that does not exist."""
    return RefusedRequestError(-32601, "Method not found")


def raw_refused() -> RefusedRequestError:
    """Describe a subscription to ``.raw`` without credentials."""
    return RefusedRequestError(13778, "raw_subscriptions_not_available_for_unauthorized")


def not_found() -> RefusedRequestError:
    """Describe a call about an instrument that is not listed."""
    return RefusedRequestError(13020, "not_found")


def too_many_requests() -> RefusedRequestError:
    """Describe a call for which the credits do not suffice; on a WebSocket it is the last thing sent."""
    return RefusedRequestError(10028, "too_many_requests")


@dataclass(frozen=True, slots=True)
class Times:
    """When a call came in and was answered, in microseconds.

    Attributes:
        as_numbers: Written as numbers, as Deribit did before 2026, instead of text.
    """

    received_us: int
    sent_us: int
    as_numbers: bool = False

    def fields(self) -> dict[str, Any]:
        """Return them as an answer shows them."""
        shown = (self.received_us, self.sent_us) if self.as_numbers else (str(self.received_us), str(self.sent_us))
        return {"usIn": shown[0], "usOut": shown[1], "usDiff": self.sent_us - self.received_us, "testnet": False}


def answer(request_id: int | str | None, result: Any, times: Times) -> bytes:
    """Render a result."""
    return _envelope(request_id, {"result": result}, times)


def refusal(error: RefusedRequestError, times: Times) -> bytes:
    """Render an error."""
    body: dict[str, Any] = {"message": str(error), "code": error.code}
    if error.data is not None:
        body["data"] = error.data
    return _envelope(error.id, {"error": body}, times)


def subscription(channel: str, data: Any) -> dict[str, Any]:
    """Put the data of a channel into its envelope."""
    params = {"channel": channel, "data": data}
    return {"jsonrpc": "2.0", "method": "subscription", "params": params}


def heartbeat(kind: str) -> bytes:
    """Render a heartbeat: ``heartbeat`` or ``test_request``."""
    return msgspec.json.encode({"jsonrpc": "2.0", "method": "heartbeat", "params": {"type": kind}})


def _envelope(request_id: int | str | None, body: dict[str, Any], times: Times) -> bytes:
    head: dict[str, Any] = {"jsonrpc": "2.0"} if request_id is None else {"jsonrpc": "2.0", "id": request_id}
    return msgspec.json.encode({**head, **body, **times.fields()})
