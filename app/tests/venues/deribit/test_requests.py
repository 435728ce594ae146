"""Requests are numbered, and an answer is held against what was asked."""

import json
from typing import Any

import pytest

from marketprism.venues.deribit import messages
from marketprism.venues.deribit.requests import Requests
from marketprism.venues.protocol import Notice, NoticeKind, Refusal, VenueEvent

CHANNELS = ["book.BTC-PERPETUAL.100ms", "trades.BTC-PERPETUAL.100ms"]


def answered(requests: Requests, **fields: Any) -> list[VenueEvent]:
    return requests.answered(messages.decode_frame(json.dumps({"jsonrpc": "2.0", **fields}).encode()))


@pytest.fixture
def requests() -> Requests:
    return Requests()


@pytest.fixture
def subscription(requests: Requests) -> int:
    number = json.loads(requests.opening(CHANNELS)[1])["id"]
    assert isinstance(number, int)
    return number


def test_a_connection_opens_with_heartbeats_and_one_subscription(requests: Requests) -> None:
    heartbeat, subscribe = (json.loads(message) for message in requests.opening(CHANNELS))
    assert (heartbeat["jsonrpc"], heartbeat["method"]) == ("2.0", "public/set_heartbeat")
    assert heartbeat["params"] == {"interval": 10}
    assert (subscribe["method"], subscribe["params"]) == ("public/subscribe", {"channels": CHANNELS})
    assert heartbeat["id"] != subscribe["id"]


def test_a_channel_starts_anew_by_leaving_and_subscribing_again(requests: Requests, subscription: int) -> None:
    leave, enter = (json.loads(message) for message in requests.again(CHANNELS[0]))
    assert (leave["method"], leave["params"]) == ("public/unsubscribe", {"channels": CHANNELS[:1]})
    assert (enter["method"], enter["params"]) == ("public/subscribe", {"channels": CHANNELS[:1]})
    assert len({leave["id"], enter["id"], subscription}) == 3
    assert requests.again(CHANNELS[0])[1] == json.dumps(enter, separators=(",", ":")).encode(), "ids do not pile up"


@pytest.mark.parametrize("time", ["1786563085259177", 1786563085259177])
def test_a_complete_answer_is_an_acknowledgement(requests: Requests, subscription: int, time: str | int) -> None:
    (notice,) = answered(requests, id=subscription, result=CHANNELS[::-1], usIn=time, usOut=time, usDiff=146)
    assert notice == Notice(NoticeKind.ACKNOWLEDGED, "2 channels")


def test_a_missing_channel_is_an_error_that_names_it(requests: Requests, subscription: int) -> None:
    acknowledged, error = answered(requests, id=subscription, result=CHANNELS[1:])
    assert acknowledged == Notice(NoticeKind.ACKNOWLEDGED, "1 channels")
    assert error == Notice(NoticeKind.ERROR, "not subscribed: book.BTC-PERPETUAL.100ms")


def test_an_error_names_its_code_and_the_channels_asked_for(requests: Requests, subscription: int) -> None:
    raw = {"code": 13778, "message": "raw_subscriptions_not_available_for_unauthorized"}
    (notice,) = answered(requests, id=subscription, error=raw)
    assert notice == Notice(NoticeKind.ERROR, f"13778 {raw['message']} for {', '.join(CHANNELS)}")
    (notice,) = answered(requests, error={"code": 10028, "message": "too_many_requests"})
    assert notice == Notice(NoticeKind.ERROR, "10028 too_many_requests")


def test_many_missing_channels_are_shortened_and_none_taken_is_no_acknowledgement(requests: Requests) -> None:
    number = json.loads(requests.opening([f"book.X{index}.100ms" for index in range(12)])[1])["id"]
    (error,) = answered(requests, id=number, result=[])
    assert isinstance(error, Notice)
    assert error.detail.endswith("book.X9.100ms and 2 more")


def test_a_test_is_answered_in_silence_and_other_answers_are_acknowledgements(requests: Requests) -> None:
    assert answered(requests, id=json.loads(requests.test())["id"], result={"version": "1.2.26"}) == []
    assert answered(requests, id=1, result="ok") == [Notice(NoticeKind.ACKNOWLEDGED, "request 1")]
    assert answered(requests, id="x", result="ok") == [Notice(NoticeKind.ACKNOWLEDGED, "request x")]
    assert answered(requests, id=10**30, result="ok") == [Notice(NoticeKind.ACKNOWLEDGED, f"request {10**30}")]


@pytest.mark.parametrize("result", ["ok", [1], {"a": 1}, 5])
def test_an_answer_that_lists_no_channels_is_refused(requests: Requests, subscription: int, result: object) -> None:
    (refusal,) = answered(requests, id=subscription, result=result)
    assert isinstance(refusal, Refusal)
    assert refusal.reason == "answer_malformed"
