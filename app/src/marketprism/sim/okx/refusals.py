"""How OKX refuses a REST request: its error envelope and codes.

See https://www.okx.com/docs-v5/en/#error-code. OKX documents no ``Retry-After``.
"""

from http import HTTPStatus

import msgspec
from aiohttp import web


class RefusedQueryError(Exception):
    """A request that is answered with an error for what it asks.

    Attributes:
        code: OKX's number.
        status: HTTP status; some errors come with 200.
    """

    def __init__(self, code: str, message: str, status: int = HTTPStatus.BAD_REQUEST) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


def missing(parameter: str) -> RefusedQueryError:
    """Describe a parameter that has to be given."""
    return RefusedQueryError("50014", f"Parameter {parameter} can not be empty.")


def wrong(parameter: str) -> RefusedQueryError:
    """Describe a parameter that makes no sense."""
    return RefusedQueryError("51000", f"Parameter {parameter} error")


def unknown_instrument() -> RefusedQueryError:
    """Describe a request for an instrument that OKX does not list."""
    text = "Instrument ID, Instrument ID code, or Spread ID doesn't exist."
    return RefusedQueryError("51001", text, HTTPStatus.OK)


def too_many_requests(status: int = HTTPStatus.TOO_MANY_REQUESTS) -> RefusedQueryError:
    """Describe a request beyond the limit of its endpoint."""
    return RefusedQueryError("50011", "Too Many Requests", status)


def answer(error: RefusedQueryError) -> web.Response:
    """Render an error."""
    return json({"code": error.code, "msg": str(error), "data": []}, error.status)


def response(status: int) -> web.Response:
    """Return the answer to a client that is refused for who it is: what stands before OKX answers, without its code."""
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return answer(too_many_requests())
    page = f"<html><body>{status} {HTTPStatus(status).phrase}</body></html>"
    return web.Response(text=page, status=status, content_type="text/html")


def json(body: object, status: int = HTTPStatus.OK) -> web.Response:
    """Return a JSON answer."""
    return web.Response(body=msgspec.json.encode(body), status=status, content_type="application/json", charset="utf-8")
