import asyncio
import socket
import time
from dataclasses import replace

import pytest
from websockets.asyncio.server import ServerConnection

from marketprism.collector import link as module
from marketprism.collector.link import Link
from tests.collector.peers import CONNECTION, Handler, stay, venue
from tests.collector.proxied import HOST, http_proxy, socks5_proxy
from tests.collector.waiting import until


class Heard:
    """A link that keeps what it hears."""

    def __init__(
        self, port: int, connection: object = CONNECTION, *, host: str = "127.0.0.1", proxy: str | None = None
    ):
        self.frames: list[bytes] = []
        self.hold = asyncio.Event()
        self.hold.set()
        self.link = Link(
            f"ws://{host}:{port}/",
            connection,
            proxy,
            on_frame=self._on_frame,
            on_change=lambda: None,
        )

    async def _on_frame(self, _link: Link, frame: bytes, _receive_ns: int) -> None:
        self.frames.append(frame)
        await self.hold.wait()


def listening(received: list[bytes | str]) -> Handler:
    async def listen(connection: ServerConnection) -> None:
        async for message in connection:
            received.append(message)  # noqa: PERF401 - each is looked at when it comes

    return listen


async def test_subscriptions_are_sent_in_order_at_the_venues_pace() -> None:
    received: list[bytes | str] = []
    slow = replace(CONNECTION, subscribe=(b"a", b"b", b"c"), max_messages_per_second=20)
    async with venue(listening(received)) as port:
        heard = Heard(port, slow)
        task = asyncio.create_task(heard.link.run())
        await until(lambda: heard.link.subscribed_at)
        await until(lambda: len(received) == 3)
        assert received == ["a", "b", "c"]
        assert heard.link.opened_at is not None
        assert heard.link.subscribed_at is not None
        assert heard.link.subscribed_at - heard.link.opened_at >= 3 / 20
        await heard.link.close("done")
        await task


async def test_after_silence_the_venue_is_asked_for_a_sign_of_life_in_its_own_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "ANSWER_SECONDS", 0.2)

    async def answer(connection: ServerConnection) -> None:
        async for message in connection:
            assert message == "ping"
            await connection.send("pong")

    async with venue(answer) as port:
        heard = Heard(port, replace(CONNECTION, ping=b"ping", ping_seconds=0.05))
        task = asyncio.create_task(heard.link.run())
        await until(lambda: len(heard.frames) >= 2)
        assert set(heard.frames) == {b"pong"}
        assert not heard.link.ended
        await heard.link.close("done")
        await task


async def test_a_link_whose_pings_are_not_answered_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ANSWER_SECONDS", 0.1)
    async with venue(stay) as port:
        heard = Heard(port, replace(CONNECTION, ping=b"ping", ping_seconds=0.1))
        await heard.link.run()
        assert heard.link.cause == "silent for 0 s, pings unanswered"


async def test_waiting_for_our_own_publisher_is_no_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ANSWER_SECONDS", 0.05)

    async def speak(connection: ServerConnection) -> None:
        await connection.send("1")
        await stay(connection)

    async with venue(speak) as port:
        heard = Heard(port, replace(CONNECTION, ping=b"ping", ping_seconds=0.05))
        heard.hold.clear()
        task = asyncio.create_task(heard.link.run())
        await until(lambda: heard.frames)
        await asyncio.sleep(0.5)  # five times the patience
        assert not heard.link.ended
        assert heard.link.is_held_up
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize(("seconds", "anew"), [(0.3, True), (0.0, False)])
async def test_a_link_that_was_held_up_listens_anew_from_then_on(
    monkeypatch: pytest.MonkeyPatch, seconds: float, *, anew: bool
) -> None:
    monkeypatch.setattr(module, "HELD_UP_SECONDS", 0.2)

    async def speak(connection: ServerConnection) -> None:
        await connection.send("1")
        await stay(connection)

    async with venue(speak) as port:
        heard = Heard(port)
        heard.hold.clear()
        task = asyncio.create_task(heard.link.run())
        await until(lambda: heard.frames)
        heard.link.release()
        since = heard.link.listening_since
        assert since >= heard.link.opened_at
        await asyncio.sleep(seconds)
        heard.hold.set()
        await until(lambda: not heard.link.is_held_up)
        assert (heard.link.listening_since >= since + seconds > since) is anew
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_link_that_is_closed_takes_everything_received_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CLOSE_SECONDS", 0.05)

    async def speak(connection: ServerConnection) -> None:
        for number in range(500):
            await connection.send(str(number))
        await stay(connection)

    async with venue(speak) as port:
        heard = Heard(port)
        heard.hold.clear()
        task = asyncio.create_task(heard.link.run())
        await until(lambda: heard.frames)
        closing = asyncio.create_task(heard.link.close("replaced"))
        await asyncio.sleep(0.5)  # ten times what a goodbye may take
        assert heard.frames == [b"0"]
        heard.hold.set()
        await closing
        await task
        assert heard.frames == [str(number).encode() for number in range(500)]
        assert heard.link.cause == "replaced"


async def test_a_venue_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "OPEN_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as server:
        heard = Heard(server.getsockname()[1])
        started = time.monotonic()
        await heard.link.run()
        assert heard.link.cause == "no answer"
        assert time.monotonic() - started < 5


async def test_a_link_goes_through_an_http_proxy_with_its_user() -> None:
    received: list[bytes | str] = []
    async with venue(listening(received)) as port, http_proxy() as proxy:
        heard = Heard(
            port,
            replace(CONNECTION, subscribe=(b"a",)),
            host=HOST,
            proxy=f"http://me:secret@127.0.0.1:{proxy.port}",
        )
        task = asyncio.create_task(heard.link.run())
        await until(lambda: received == ["a"])
        assert proxy.targets == [f"{HOST}:{port}"]
        assert proxy.users == ["Basic bWU6c2VjcmV0"]
        await heard.link.close("done")
        await task


async def test_a_link_goes_through_a_socks_proxy_which_resolves_the_name() -> None:
    received: list[bytes | str] = []
    async with venue(listening(received)) as port, socks5_proxy() as proxy:
        heard = Heard(
            port,
            replace(CONNECTION, subscribe=(b"a",)),
            host=HOST,
            proxy=f"socks5h://me:secret@127.0.0.1:{proxy.port}",
        )
        task = asyncio.create_task(heard.link.run())
        await until(lambda: received == ["a"])
        assert proxy.targets == [f"{HOST}:{port}"]
        assert proxy.users == ["me:secret"]
        await heard.link.close("done")
        await task


@pytest.mark.parametrize("scheme", ["http", "socks5h"])
async def test_a_proxy_that_is_away_is_the_named_cause(scheme: str) -> None:
    heard = Heard(443, host=HOST, proxy=f"{scheme}://127.0.0.1:1")
    await heard.link.run()
    assert heard.link.cause is not None
    assert heard.link.refusal is None, "the venue refused nothing"
