from marketprism.sim.okx import refusals


def test_an_error_is_an_envelope_without_data() -> None:
    answer = refusals.answer(refusals.unknown_instrument())
    assert (answer.status, answer.body) == (
        200,
        b'{"code":"51001","msg":"Instrument ID, Instrument ID code, or Spread ID doesn\'t exist.","data":[]}',
    )


def test_who_is_blocked_gets_a_page_that_is_not_of_okx() -> None:
    answer = refusals.response(451)
    assert (answer.status, answer.content_type) == (451, "text/html")


def test_too_many_requests_are_refused_without_retry_after() -> None:
    answer = refusals.response(429)
    assert (answer.status, "Retry-After" in answer.headers) == (429, False)
    assert answer.body == b'{"code":"50011","msg":"Too Many Requests","data":[]}'
