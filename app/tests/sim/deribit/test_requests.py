import msgspec
import pytest

from marketprism.sim.deribit import requests
from marketprism.sim.deribit.requests import RefusedRequestError, read


def test_a_call_is_read_with_method_params_and_id() -> None:
    text = '{"jsonrpc":"2.0","id":1,"method":"public/subscribe","params":{"channels":["book.BTC-PERPETUAL.100ms"]}}'
    assert read(text) == requests.Request("public/subscribe", {"channels": ["book.BTC-PERPETUAL.100ms"]}, 1)


def test_params_and_id_may_be_left_out() -> None:
    assert read('{"jsonrpc":"2.0","method":"public/test"}') == requests.Request("public/test", {}, None)


@pytest.mark.parametrize(
    ("text", "code", "request_id"),
    [
        ("{", -32700, None),
        ("[]", -32600, None),
        ('{"id":true,"method":"public/test"}', -32600, None),
        ('{"id":"a","method":7}', -32600, "a"),
        ('{"id":3,"method":"public/test","params":[1]}', -32600, 3),
    ],
)
def test_what_is_no_call_is_refused_with_the_id_that_could_be_read(
    text: str, code: int, request_id: int | str | None
) -> None:
    with pytest.raises(RefusedRequestError) as refusal:
        read(text)
    assert (refusal.value.code, refusal.value.id) == (code, request_id)


def test_a_result_carries_its_times_as_text() -> None:
    frame = requests.answer(1, ["book.BTC-PERPETUAL.100ms"], requests.Times(1786563085259177, 1786563085259323))
    assert frame == (
        b'{"jsonrpc":"2.0","id":1,"result":["book.BTC-PERPETUAL.100ms"],"usIn":"1786563085259177",'
        b'"usOut":"1786563085259323","usDiff":146,"testnet":false}'
    )


def test_before_2026_the_times_were_numbers() -> None:
    frame = msgspec.json.decode(requests.answer(1, "ok", requests.Times(5, 7, as_numbers=True)))
    assert (frame["usIn"], frame["usOut"], frame["usDiff"]) == (5, 7, 2)


def test_an_error_carries_code_message_and_what_it_is_about() -> None:
    error = requests.invalid("interval", "must be at least 10")
    frame = msgspec.json.decode(requests.refusal(error, requests.Times(5, 7)))
    assert frame["error"] == {
        "message": "Invalid params",
        "code": -32602,
        "data": {"reason": "must be at least 10", "param": "interval"},
    }
    assert "id" not in frame


def test_raw_channels_and_spent_credits_have_the_documented_errors() -> None:
    assert (requests.raw_refused().code, str(requests.raw_refused())) == (
        13778,
        "raw_subscriptions_not_available_for_unauthorized",
    )
    assert (requests.too_many_requests().code, str(requests.too_many_requests())) == (10028, "too_many_requests")


def test_heartbeats_are_the_documented_ones() -> None:
    assert requests.heartbeat("test_request") == (
        b'{"jsonrpc":"2.0","method":"heartbeat","params":{"type":"test_request"}}'
    )
