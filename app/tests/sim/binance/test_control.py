import pytest

from marketprism.sim.binance.control import Method, RefusedRequestError, Request, acknowledgement, read, refusal
from marketprism.sim.instruments import MarketKind


def test_subscribe_is_read_with_its_names_untouched() -> None:
    request = read('{"method":"SUBSCRIBE","params":["btcusdt@trade","NONSENSE"],"id":1}')
    assert request == Request(Method.SUBSCRIBE, ("btcusdt@trade", "NONSENSE"), 1)


@pytest.mark.parametrize("request_id", ['"text"', "7", "null"])
def test_acknowledgement_repeats_the_id(request_id: str) -> None:
    request = read(f'{{"method":"UNSUBSCRIBE","params":[],"id":{request_id}}}')
    assert acknowledgement(request).decode() == f'{{"result":null,"id":{request_id}}}'


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{", 3),
        ("[]", 2),
        ('{"method":"PLEASE","id":1}', 2),
        ('{"method":["SUBSCRIBE"],"id":1}', 2),
        ('{"method":"SUBSCRIBE","id":1}', 2),
        ('{"method":"SUBSCRIBE","params":[1],"id":1}', 2),
        ('{"method":"SUBSCRIBE","params":[],"id":1.5}', 2),
        ('{"method":"SUBSCRIBE","params":[],"id":true}', 2),
    ],
)
def test_what_is_no_request_is_refused_with_the_exchange_code(text: str, code: int) -> None:
    with pytest.raises(RefusedRequestError) as refused:
        read(text)
    assert refused.value.code == code


def test_errors_are_flat_on_spot_and_nested_on_futures() -> None:
    assert refusal(MarketKind.BINANCE_SPOT, 2, "no", 5) == b'{"code":2,"msg":"no","id":5}'
    assert refusal(MarketKind.BINANCE_USDM, 2, "no", 5) == b'{"error":{"code":2,"msg":"no"},"id":5}'
