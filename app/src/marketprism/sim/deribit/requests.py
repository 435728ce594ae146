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


def too_many_requests() -> RefusedRequestError:
    """Describe a call for which the credits do not suffice; on a WebSocket it is the last thing sent."""
    return RefusedRequestError(10028, "too_many_requests")


def answer(
    request_id: int | str | None, result: Any, *, received_us: int, sent_us: int, integer_times: bool = False
) -> bytes:
    """Render a result.

    Args:
        integer_times: Write the times as numbers, as Deribit did before 2026, instead of strings.
    """
    return _envelope(request_id, {"result": result}, received_us, sent_us, integer_times=integer_times)


def refusal(error: RefusedRequestError, *, received_us: int, sent_us: int, integer_times: bool = False) -> bytes:
    """Render an error; arguments as for `answer`."""
    body: dict[str, Any] = {"message": str(error), "code": error.code}
    if error.data is not None:
        body["data"] = error.data
    return _envelope(error.id, {"error": body}, received_us, sent_us, integer_times=integer_times)


def notification(channel: str, data: Any) -> bytes:
    """Render one event of a channel."""
    params = {"channel": channel, "data": data}
    return msgspec.json.encode({"jsonrpc": "2.0", "method": "subscription", "params": params})


def heartbeat(kind: str) -> bytes:
    """Render a heartbeat: ``heartbeat`` or ``test_request``."""
    return msgspec.json.encode({"jsonrpc": "2.0", "method": "heartbeat", "params": {"type": kind}})


def _envelope(
    request_id: int | str | None, body: dict[str, Any], received_us: int, sent_us: int, *, integer_times: bool
) -> bytes:
    times = (received_us, sent_us) if integer_times else (str(received_us), str(sent_us))
    head: dict[str, Any] = {"jsonrpc": "2.0"} if request_id is None else {"jsonrpc": "2.0", "id": request_id}
    tail = {"usIn": times[0], "usOut": times[1], "usDiff": sent_us - received_us, "testnet": False}
    return msgspec.json.encode({**head, **body, **tail})
