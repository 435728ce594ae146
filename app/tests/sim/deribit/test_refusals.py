from marketprism.sim.deribit import refusals


def test_who_is_refused_gets_a_page_and_the_time_to_wait_where_there_is_one() -> None:
    blocked, limited = refusals.response(451), refusals.response(429, 30)
    assert (blocked.status, blocked.content_type, "Retry-After" in blocked.headers) == (451, "text/html", False)
    assert limited.headers["Retry-After"] == "30"


def test_an_answer_is_json() -> None:
    answer = refusals.json(b"{}")
    assert (answer.status, answer.body, answer.content_type) == (200, b"{}", "application/json")
