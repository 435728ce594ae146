"""Envelopes: what OKX says about a connection, what an answer holds, and why there is none."""

import pytest

from marketprism.contract.events import OpenInterest
from marketprism.contract.numbers import multiply
from marketprism.errors import ContractError
from marketprism.venues.okx.frames import answer, decode_frame, notice, observed
from marketprism.venues.protocol import Notice, NoticeKind, Observed, Refusal
from tests.venues.okx.wire import BTC

UPGRADE = "The connection will soon be closed for a service upgrade. Please reconnect."


@pytest.mark.parametrize(
    ("frame", "kind", "detail"),
    [
        (
            '{"id":"1512","event":"subscribe","arg":{"channel":"books","instId":"BTC-USDT"},"connId":"a4d3ae55"}',
            NoticeKind.ACKNOWLEDGED,
            "subscribe books BTC-USDT",
        ),
        (
            '{"event":"unsubscribe","arg":{"channel":"liquidation-orders","instType":"SWAP"},"connId":"a4d3ae55"}',
            NoticeKind.ACKNOWLEDGED,
            "unsubscribe liquidation-orders SWAP",
        ),
        ('{"event":"error","code":"60012","msg":"Invalid request: {}"}', NoticeKind.ERROR, "60012 Invalid request: {}"),
        ('{"event":"error","code":"60014","msg":"Too frequent"}', NoticeKind.ERROR, "60014 Too frequent"),
        ('{"event":"error","code":"60018","msg":"doesn\'t exist"}', NoticeKind.ERROR, "60018 doesn't exist"),
        (
            f'{{"event":"notice","code":"64008","msg":"{UPGRADE}","connId":"a4d3ae55"}}',
            NoticeKind.ENDING,
            f"64008 {UPGRADE}",
        ),
    ],
)
def test_what_okx_says_about_the_connection_is_a_notice(frame: str, kind: NoticeKind, detail: str) -> None:
    assert notice(decode_frame(frame.encode())) == Notice(kind, detail)


@pytest.mark.parametrize("frame", [b'{"event":"login","code":"0"}', b'{"event":"notice","code":"64009","msg":"?"}'])
def test_other_events_are_refused(frame: bytes) -> None:
    refusal = notice(decode_frame(frame))
    assert isinstance(refusal, Refusal)
    assert refusal.reason == "event_unsupported"


def test_an_answer_gives_its_data() -> None:
    assert (
        bytes(answer(b'{"code":"0","msg":"","data":[["1701417600000","1.1739"]]}')) == b'[["1701417600000","1.1739"]]'
    )


@pytest.mark.parametrize(
    ("body", "reason", "detail"),
    [
        (b'{"code":"50011","msg":"Too Many Requests","data":[]}', "rest_limited", "50011 Too Many Requests"),
        (
            b'{"code":"51001","msg":"Instrument ID does not exist"}',
            "rest_refused",
            "51001 Instrument ID does not exist",
        ),
        (b'{"code":"50013","msg":"Systems are busy"}', "rest_refused", "50013 Systems are busy"),
    ],
)
def test_an_error_is_refused_with_its_code_and_a_rate_limit_apart(body: bytes, reason: str, detail: str) -> None:
    assert answer(body) == Refusal(reason, detail)


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b'{"data":[]}', b'{"code":0}', b'{"code":"0","data":' + b"[" * 9999]
)
def test_anything_else_is_no_answer(body: bytes) -> None:
    refusal = answer(body)
    assert isinstance(refusal, Refusal)
    assert refusal.reason == "rest_malformed"


def test_numbers_that_cannot_be_stored_refuse_the_row() -> None:
    def make(quantity: str) -> OpenInterest:
        return OpenInterest(quantity=multiply(quantity, "1"), contracts=None, timestamp_us=1, receive_ns=2)

    assert observed("open_interest", BTC, lambda: make("7")) == Observed("open_interest", BTC, make("7"))
    refusal = observed("open_interest", BTC, lambda: make("9" * 20 + "0"))
    assert isinstance(refusal, Refusal)
    assert refusal.reason == "open_interest_number"
    with pytest.raises(ContractError):
        make("9" * 20 + "0")
