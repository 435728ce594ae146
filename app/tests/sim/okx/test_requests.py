import msgspec
import pytest

from marketprism.sim.okx import requests
from marketprism.sim.okx.requests import Entrance, Op, RefusedRequestError, read, stream_of

BOOKS = {"channel": "books", "instId": "BTC-USDT"}


def test_a_request_is_read_with_all_its_args() -> None:
    text = (
        '{"id":"1512","op":"subscribe","args":[{"channel":"books","instId":"BTC-USDT"},'
        '{"channel":"trades","instId":"BTC-USDT-SWAP"}]}'
    )
    request = read(text)
    assert (request.op, request.id) == (Op.SUBSCRIBE, "1512")
    assert request.args == [BOOKS, {"channel": "trades", "instId": "BTC-USDT-SWAP"}]


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        "{}",
        '{"op":"subscribe"}',
        '{"op":"subscribe","argss":[]}',
        '{"op":"shout","args":[]}',
        '{"op":"subscribe","args":["books"]}',
        '{"op":"subscribe","args":[{"channel":1}]}',
        '{"op":"subscribe","args":[],"id":7}',
    ],
)
def test_what_is_no_request_is_refused_as_60012_and_quoted(text: str) -> None:
    with pytest.raises(RefusedRequestError) as refusal:
        read(text)
    assert (refusal.value.code, str(refusal.value)) == ("60012", f"Invalid request: {text}")


@pytest.mark.parametrize(
    ("arg", "entrance", "stream"),
    [
        (BOOKS, Entrance.PUBLIC, "books:BTC-USDT"),
        ({"channel": "trades-all", "instId": "BTC-USDT"}, Entrance.BUSINESS, "trades-all:BTC-USDT"),
        ({"channel": "liquidation-orders", "instType": "SWAP"}, Entrance.PUBLIC, "liquidation-orders:SWAP"),
    ],
)
def test_an_arg_names_its_stream(arg: requests.Arg, entrance: Entrance, stream: str) -> None:
    assert stream_of(arg, entrance) == stream


@pytest.mark.parametrize(
    ("arg", "entrance", "code"),
    [
        ({"channel": "nonsense", "instId": "BTC-USDT"}, Entrance.PUBLIC, "60018"),
        ({"instId": "BTC-USDT"}, Entrance.PUBLIC, "60018"),
        ({"channel": "liquidation-orders", "instId": "BTC-USDT-SWAP"}, Entrance.PUBLIC, "60018"),
        (BOOKS, Entrance.BUSINESS, "60018"),
        ({"channel": "trades-all", "instId": "BTC-USDT"}, Entrance.PUBLIC, "60018"),
        ({"channel": "books-l2-tbt", "instId": "BTC-USDT"}, Entrance.PUBLIC, "64003"),
    ],
)
def test_an_arg_of_no_channel_of_this_entrance_is_refused(arg: requests.Arg, entrance: Entrance, code: str) -> None:
    with pytest.raises(RefusedRequestError) as refusal:
        stream_of(arg, entrance)
    assert refusal.value.code == code


def test_an_acknowledgement_repeats_the_id_the_arg_and_the_connection() -> None:
    request = requests.Request(Op.SUBSCRIBE, [BOOKS], "1512")
    assert requests.acknowledgement(request, BOOKS, "a4d3ae55") == (
        b'{"id":"1512","event":"subscribe","arg":{"channel":"books","instId":"BTC-USDT"},"connId":"a4d3ae55"}'
    )


def test_without_an_id_none_is_answered() -> None:
    request = requests.Request(Op.UNSUBSCRIBE, [BOOKS], None)
    assert msgspec.json.decode(requests.acknowledgement(request, BOOKS, "a4d3ae55")) == {
        "event": "unsubscribe",
        "arg": BOOKS,
        "connId": "a4d3ae55",
    }


def test_an_error_names_code_and_connection() -> None:
    assert msgspec.json.decode(
        requests.refusal(RefusedRequestError("60012", "Invalid request: {", "9"), "a4d3ae55")
    ) == {
        "id": "9",
        "event": "error",
        "code": "60012",
        "msg": "Invalid request: {",
        "connId": "a4d3ae55",
    }


def test_the_notice_of_an_upgrade_is_the_documented_one() -> None:
    assert requests.notice("a4d3ae55") == (
        b'{"event":"notice","code":"64008","msg":"The connection will soon be closed for a service upgrade. '
        b'Please reconnect.","connId":"a4d3ae55"}'
    )
