"""How Binance refuses a request: the bodies of its error answers.

https://developers.binance.com/docs/binance-spot-api-docs/rest-api/limits and, for 451, measured bodies.
"""

from http import HTTPStatus

import msgspec
from aiohttp import web

_RESTRICTED = (
    "Service unavailable from a restricted location according to 'b. Eligibility' in https://www.binance.com/en/terms."
    " Please contact customer service if you believe you received this message in error."
)
_FORBIDDEN = b"<html>\r\n<head><title>403 Forbidden</title></head>\r\n<body>403 Forbidden</body>\r\n</html>\r\n"


def error(code: int, message: str) -> bytes:
    """Render an error body."""
    return msgspec.json.encode({"code": code, "msg": message})


def response(status: int, headers: dict[str, str] | None = None, banned_until_ms: int = 0) -> web.Response:
    """Return the answer to a request that is refused for who asks, not for what is asked."""
    match status:
        case HTTPStatus.FORBIDDEN:
            return web.Response(body=_FORBIDDEN, status=status, content_type="text/html")
        case HTTPStatus.UNAVAILABLE_FOR_LEGAL_REASONS:
            body = error(0, _RESTRICTED)
        case HTTPStatus.BAD_REQUEST:
            body = error(-1100, "Illegal characters found in a parameter.")
        case _:
            ban = f" IP banned until {banned_until_ms}." if status == HTTPStatus.IM_A_TEAPOT else ""
            text = f"Way too much request weight used;{ban} Please use WebSocket Streams for live updates."
            body = error(-1003, text)
    return json(body, status, headers or {})


def json(body: bytes, status: int, headers: dict[str, str]) -> web.Response:
    """Return a JSON answer."""
    return web.Response(body=body, status=status, headers=headers, content_type="application/json", charset="utf-8")
