"""A delivery's place is read from both forms of its reply subject; a slow server is no silent one."""

from collections.abc import Awaitable, Callable

import msgspec
import pytest
from nats.aio.msg import Msg

from marketprism.contract.catalog import STREAMS
from marketprism.errors import UnavailableError
from marketprism.storage import consumer
from marketprism.storage.consumer import Session, _place


@pytest.mark.parametrize(
    "reply",
    [
        "$JS.ACK.MARKET_DATA.storage-hot.2.70.90.1700000000.5",
        "$JS.ACK.hub.HASH.MARKET_DATA.storage-hot.2.70.90.1700000000.5",
        "$JS.ACK.hub.HASH.MARKET_DATA.storage-hot.2.70.90.1700000000.5.token",
    ],
)
def test_place_of_a_delivery(reply: str):
    assert _place(reply) == (2, 70, 90, 1700000000, 5)


class SlowServer:
    """Delivers so many messages to each pull, and never says that this was all."""

    is_connected = True

    def __init__(self, *, at_once: int) -> None:
        self._at_once = at_once
        self._delivered = 0
        self.next_stream_seq = 1

    def new_inbox(self) -> str:
        return "inbox"

    async def subscribe(self, _subject: str, cb: Callable[[Msg], Awaitable[None]]) -> None:
        self._deliver = cb

    async def request(self, subject: str, _payload: bytes, timeout: float) -> Msg:  # noqa: ASYNC109 (the client's)
        place = {"consumer_seq": 0, "stream_seq": 0}
        answers = {
            "STREAM": {"created": "2026-01-01T00:00:00Z", "state": {"first_seq": 1}},
            "CONSUMER": {"delivered": place, "ack_floor": place, "num_ack_pending": 0, "num_pending": 9},
        }
        return Msg(None, subject, "", msgspec.json.encode(answers[subject.split(".")[2]]))

    async def publish(self, _subject: str, _payload: bytes, reply: str) -> None:
        for _ in range(self._at_once):
            self._delivered += 1
            place = f"$JS.ACK.MARKET_DATA.storage-hot.1.{self.next_stream_seq}.{self._delivered}.0.0"
            self.next_stream_seq += 1
            await self._deliver(Msg(None, reply, place, b"{}"))


async def opened(server: SlowServer, monkeypatch: pytest.MonkeyPatch) -> Session:
    monkeypatch.setattr(consumer, "_SLACK_SECONDS", 0.0)
    session = Session(server, STREAMS["MARKET_DATA"])
    await session.open()
    return session


async def test_what_came_of_a_pull_that_did_not_end_is_taken_and_the_next_one_goes_on(monkeypatch: pytest.MonkeyPatch):
    session = await opened(SlowServer(at_once=2), monkeypatch)
    for expected in ([1, 2], [3, 4]):
        assert [each.stream_seq for each in await session.pull(messages=9, size=1000, seconds=0)] == expected


async def test_a_pull_that_brings_nothing_and_does_not_end_is_the_end_of_the_session(monkeypatch: pytest.MonkeyPatch):
    session = await opened(SlowServer(at_once=0), monkeypatch)
    with pytest.raises(UnavailableError, match="a pull was not answered"):
        await session.pull(messages=9, size=1000, seconds=0)


async def test_what_is_being_stored_and_is_delivered_again_ends_the_session(monkeypatch: pytest.MonkeyPatch):
    """Its second delivery comes for the next batch, before its acknowledgement; nothing of it is handed out twice."""
    server = SlowServer(at_once=2)
    session = await opened(server, monkeypatch)
    await session.pull(messages=2, size=1000, seconds=0)
    server.next_stream_seq = 2
    with pytest.raises(UnavailableError, match="message 2 came after a later one"):
        await session.pull(messages=2, size=1000, seconds=0)
