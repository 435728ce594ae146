import msgspec
import pytest

from marketprism.sim.binance import refusals


@pytest.mark.parametrize(("status", "code"), [(400, -1100), (418, -1003), (429, -1003), (451, 0)])
def test_bodies_are_the_exchanges_own(status: int, code: int) -> None:
    answer = refusals.response(status, {"Retry-After": "7"}, banned_until_ms=1_659_146_400_000)
    assert isinstance(answer.body, bytes)
    body = msgspec.json.decode(answer.body)
    assert (answer.status, body["code"], answer.headers["Retry-After"]) == (status, code, "7")
    assert ("banned until 1659146400000" in body["msg"]) == (status == 418)
    assert ("restricted location" in body["msg"]) == (status == 451)


def test_the_firewall_answers_html() -> None:
    answer = refusals.response(403)
    assert (answer.status, answer.content_type) == (403, "text/html")
