"""Control messages of an OKX connection: subscribe, unsubscribe, their acknowledgements and the errors.

A request names many args and each is answered by itself, so that one request may be half accepted. The text ``ping`` is
no request; the connection answers it. See https://www.okx.com/docs-v5/en/#overview-websocket-subscribe.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import msgspec

INVALID_REQUEST, TOO_FREQUENT, UNKNOWN_CHANNEL, VIP_ONLY = "60012", "60014", "60018", "64003"
SERVICE_UPGRADE = "64008"


class Entrance(StrEnum):
    """The last part of a WebSocket path; each serves channels of its own."""

    PUBLIC = "public"
    BUSINESS = "business"


class Op(StrEnum):
    """What a client may ask for."""

    SUBSCRIBE = "subscribe"
    UNSUBSCRIBE = "unsubscribe"


@dataclass(frozen=True, slots=True)
class Channel:
    """A kind of subscription.

    Attributes:
        key: The field of an arg that says what it is about.
        swaps_only: Spot has no such channel.
    """

    entrance: Entrance
    key: str = "instId"
    swaps_only: bool = False


CHANNELS = {
    "trades": Channel(Entrance.PUBLIC),
    "trades-all": Channel(Entrance.BUSINESS),
    "books": Channel(Entrance.PUBLIC),
    "funding-rate": Channel(Entrance.PUBLIC, swaps_only=True),
    "open-interest": Channel(Entrance.PUBLIC, swaps_only=True),
    "liquidation-orders": Channel(Entrance.PUBLIC, key="instType"),
}
VIP_CHANNELS = {"books-l2-tbt", "books50-l2-tbt"}

Arg = dict[str, str]


@dataclass(frozen=True, slots=True)
class Request:
    """A well-formed request; its args may still name nothing."""

    op: Op
    args: list[Arg]
    id: str | None


class RefusedRequestError(Exception):
    """A message, or one arg of it, that is answered with an error.

    Attributes:
        code: OKX's number.
        id: The request's id where it could be read.
    """

    def __init__(self, code: str, message: str, request_id: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.id = request_id


def read(text: str) -> Request:
    """Read a request.

    Raises:
        RefusedRequestError: It is not one (60012).
    """
    try:
        message = msgspec.json.decode(text, type=dict[str, Any])
        request_id = msgspec.convert(message.get("id"), type=str | None)
        return Request(Op(message["op"]), msgspec.convert(message["args"], type=list[Arg]), request_id)
    except (msgspec.DecodeError, msgspec.ValidationError, KeyError, ValueError) as error:
        raise RefusedRequestError(INVALID_REQUEST, f"Invalid request: {text}") from error


def stream_of(arg: Arg, entrance: Entrance) -> str:
    """Name the stream that an arg asks for, such as ``books:BTC-USDT``.

    Raises:
        RefusedRequestError: The channel needs a VIP tier (64003), or is none of this entrance (60018).
    """
    name = arg.get("channel", "")
    if name in VIP_CHANNELS:
        raise RefusedRequestError(VIP_ONLY, f"Your trading fee tier doesn't meet the requirement to access {name}.")
    channel = CHANNELS.get(name)
    if channel is None or channel.entrance is not entrance or channel.key not in arg:
        raise unknown(arg)
    return f"{name}:{arg[channel.key]}"


def unknown(arg: Arg) -> RefusedRequestError:
    """Describe an arg that names no channel or no instrument."""
    named = ",".join(f"{key}:{value}" for key, value in arg.items())
    remedy = "Please use the correct URL, channel and parameters referring to API document."
    return RefusedRequestError(UNKNOWN_CHANNEL, f"Wrong URL or {named} doesn't exist. {remedy}")


def acknowledgement(request: Request, arg: Arg, connection_id: str) -> bytes:
    """Render the answer to one arg."""
    return _event(request.id, {"event": request.op, "arg": arg, "connId": connection_id})


def refusal(error: RefusedRequestError, connection_id: str) -> bytes:
    """Render an error."""
    return _event(error.id, {"event": "error", "code": error.code, "msg": str(error), "connId": connection_id})


def notice(connection_id: str) -> bytes:
    """Render the warning that the connection will be closed for a service upgrade."""
    text = "The connection will soon be closed for a service upgrade. Please reconnect."
    return _event(None, {"event": "notice", "code": SERVICE_UPGRADE, "msg": text, "connId": connection_id})


def _event(request_id: str | None, fields: dict[str, Any]) -> bytes:
    return msgspec.json.encode(fields if request_id is None else {"id": request_id, **fields})
