"""How Deribit refuses a request over HTTP."""

from http import HTTPStatus

from aiohttp import web


def response(status: int, retry_after: int = 0) -> web.Response:
    """Return the answer to a client that is refused for who it is: what stands before Deribit answers, without JSON."""
    headers = {"Retry-After": str(retry_after)} if retry_after else {}
    page = f"<html><body>{status} {HTTPStatus(status).phrase}</body></html>"
    return web.Response(text=page, status=status, headers=headers, content_type="text/html")


def json(body: bytes, status: int = HTTPStatus.OK) -> web.Response:
    """Return a JSON answer."""
    return web.Response(body=body, status=status, content_type="application/json", charset="utf-8")
