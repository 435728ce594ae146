import asyncio
import gc
import time
from dataclasses import replace
from http import HTTPStatus
from itertools import count, pairwise

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response

from marketprism.collector import session as module
from marketprism.collector.allowance import Places
from marketprism.collector.budget import AttemptBudget
from marketprism.collector.session import Session
from marketprism.collector.state import Condition
from tests.collector.peers import CONNECTION, Client, running, stay, venue
from tests.collector.waiting import resources, until


async def test_frames_arrive_in_order_with_the_time_of_receipt() -> None:
    async def speak(connection: ServerConnection) -> None:
        for number in range(100):
            await connection.send(str(number))
        await stay(connection)

    before = time.time_ns()
    async with venue(speak) as port, running(Client(port)) as client:
        await until(lambda: len(client.trades) == 100)
    assert client.trades == list(range(100))
    assert before <= client.times[0] <= client.times[-1] <= time.time_ns()


async def test_a_connection_that_ends_is_opened_again_and_its_loss_is_told() -> None:
    async def hang_up(connection: ServerConnection) -> None:
        await connection.send("1")

    async with venue(hang_up) as port, running(Client(port)) as client:
        await until(lambda: len(client.trades) >= 3)
        assert client.lost >= 2
        assert client.session.losses == client.lost


class Ticker:
    """A venue that counts trades for everybody, as fast as it is asked to."""

    def __init__(self) -> None:
        self.numbers = count()
        self.clients: set[ServerConnection] = set()
        self.opened = 0

    async def serve(self, connection: ServerConnection) -> None:
        self.opened += 1
        self.clients.add(connection)
        await connection.wait_closed()
        self.clients.discard(connection)

    async def run(self) -> None:
        for number in self.numbers:
            for client in list(self.clients):
                await client.send(str(number))
            await asyncio.sleep(0.005)


async def test_an_announced_end_leads_to_a_second_connection_before_the_first_ends_and_no_trade_is_missing() -> None:
    ticker = Ticker()
    async with venue(ticker.serve) as port, running(Client(port)) as client:
        ticking = asyncio.create_task(ticker.run())
        await until(lambda: len(client.trades) > 20)
        await next(iter(ticker.clients)).send("end")
        await until(lambda: client.session.rotations == 1)
        taken = len(client.trades)
        await until(lambda: len(client.trades) > taken + 20)
        ticking.cancel()
    assert client.lost == 0
    assert ticker.opened == 2
    assert sorted(set(client.trades)) == list(range(client.trades[0], client.trades[-1] + 1))


async def test_two_connections_never_mix() -> None:
    """Each number may come twice, but once the new connection's frames are taken, the old one's are over."""
    ticker = Ticker()
    async with venue(ticker.serve) as port, running(Client(port)) as client:
        ticking = asyncio.create_task(ticker.run())
        await until(lambda: client.session.is_open)
        for rotation in range(1, 6):
            client.session.renew("test")
            await until(lambda wanted=rotation: client.session.rotations == wanted)
        ticking.cancel()
    falls = sum(after <= before for before, after in pairwise(client.trades))
    assert falls <= 5
    assert client.lost == 0


async def test_a_connection_is_replaced_at_its_age() -> None:
    ticker = Ticker()
    async with venue(ticker.serve) as port, running(Client(port, rotation_seconds=0.2)) as client:
        ticking = asyncio.create_task(ticker.run())
        await until(lambda: client.session.rotations >= 2)
        ticking.cancel()
    assert client.lost == 0


async def test_a_subscribed_connection_settles_before_it_replaces_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SETTLE_SECONDS", 0.3)
    ticker = Ticker()
    subscribing = replace(CONNECTION, subscribe=(b"subscribe",))
    async with venue(ticker.serve) as port, running(Client(port, subscribing)) as client:
        ticking = asyncio.create_task(ticker.run())
        await until(lambda: client.trades)
        started = time.monotonic()
        client.session.renew("test")
        await until(lambda: client.session.rotations == 1)
        assert time.monotonic() - started >= 0.3
        ticking.cancel()


async def test_a_new_connection_that_delivers_nothing_does_not_replace_one_that_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "HANDOVER_SECONDS", 0.2)
    ticker, closed = Ticker(), asyncio.Event()

    async def only_the_first(connection: ServerConnection) -> None:
        if ticker.opened == 0:
            await ticker.serve(connection)
        else:
            await connection.send("ack")
            await connection.wait_closed()
            closed.set()

    async with venue(only_the_first) as port, running(Client(port)) as client:
        ticking = asyncio.create_task(ticker.run())
        await until(lambda: client.trades)
        client.session.renew("test")
        async with asyncio.timeout(5):
            await closed.wait()
        taken = len(client.trades)
        await until(lambda: len(client.trades) > taken)
        assert (client.session.rotations, client.lost) == (0, 0)
        ticking.cancel()


async def test_nothing_is_renewed_while_we_keep_the_connection_from_being_read_ourselves() -> None:
    ticker = Ticker()
    async with venue(ticker.serve) as port, running(Client(port)) as client:
        ticking = asyncio.create_task(ticker.run())
        await until(lambda: client.trades)
        since = client.session.listening_since
        assert since is not None
        client.hold.clear()
        await until(lambda: client.session.is_held_up)
        assert client.session.listening_since is None
        client.session.renew("test")
        await asyncio.sleep(0.5)
        assert client.session.attempts == 1
        client.hold.set()
        await until(lambda: client.session.rotations == 1)
        assert client.session.listening_since > since
        ticking.cancel()
    assert client.lost == 0


async def test_what_a_new_connection_holds_back_is_bounded_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SETTLE_SECONDS", 1.0)
    monkeypatch.setattr(module, "MAX_HELD_BYTES", 1000)
    sent = asyncio.Event()

    async def speak(connection: ServerConnection) -> None:
        if client.session.attempts > 1:
            for number in range(500):
                await connection.send(f"{number:010d}")
            sent.set()
        await stay(connection)

    async with venue(speak) as port, running(Client(port, replace(CONNECTION, subscribe=(b"a",)))) as client:
        await until(lambda: client.session.is_open)
        client.session.renew("test")
        await until(sent.is_set)
        await asyncio.sleep(0.3)
        assert (len(client.times), client.trades) == (100, []), "the rest waits in the socket"
        await until(lambda: len(client.trades) == 500)
        assert client.trades == list(range(500))


async def test_where_nobody_speaks_a_new_connection_replaces_the_old_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HANDOVER_SECONDS", 0.1)
    async with venue(stay) as port, running(Client(port)) as client:
        await until(lambda: client.session.is_open)
        client.session.renew("test")
        await until(lambda: client.session.rotations == 1)
        assert client.lost == 0


async def test_an_answer_goes_to_the_connection_that_asked_even_while_it_is_held_back() -> None:
    answered = []

    async def ask(connection: ServerConnection) -> None:
        await connection.send("test?")
        answered.append((connection, await connection.recv()))
        await connection.send("1")
        await stay(connection)

    async with venue(ask) as port, running(Client(port)) as client:
        await until(lambda: client.trades == [1])
        client.session.renew("test")
        await until(lambda: client.session.rotations == 1)
    assert [text for _, text in answered] == ["test!", "test!"]
    assert answered[0][0] is not answered[1][0]


async def test_without_room_for_two_the_old_connection_is_closed_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ROOM_SECONDS", 0.1)
    async with venue(stay) as port, running(Client(port, places=Places(2))) as client:
        await until(lambda: client.session.is_open)
        client.session.renew("test")
        await until(lambda: client.session.attempts == 2 and client.session.is_open)
        assert (client.session.rotations, client.lost) == (0, 1)


async def test_a_replacement_waits_for_room_that_others_leave() -> None:
    places = Places(3)
    async with venue(stay) as port, running(Client(port, places=places)) as client:
        await until(lambda: client.session.is_open)
        async with running(Client(port, places=places)) as other:
            await until(lambda: other.session.is_open)
            client.session.renew("test")
            await asyncio.sleep(0.1)
            assert client.session.attempts == 1
        await until(lambda: client.session.attempts == 2)
        assert client.lost == 0


async def test_a_session_without_a_place_says_what_it_waits_for() -> None:
    places = Places(2)
    async with venue(stay) as port, running(Client(port, places=places)) as first:
        await until(lambda: first.session.is_open)
        async with running(Client(port, places=places)) as second:
            await until(lambda: second.session.cause == "waits for one of 2 connections (MAX_CONCURRENT_CONNECTIONS)")
            assert not second.session.is_open


@pytest.mark.parametrize("status", [HTTPStatus.UNAVAILABLE_FOR_LEGAL_REASONS, HTTPStatus.FORBIDDEN])
async def test_a_blocked_handshake_is_named_and_not_repeated_soon(status: HTTPStatus) -> None:
    asked = []

    def refuse(connection: ServerConnection, request: Request) -> Response:
        asked.append(request.path)
        return connection.respond(status, "no")

    async with venue(stay, process_request=refuse) as port, running(Client(port)) as client:
        await until(lambda: client.state.condition(time.time_ns()) is Condition.BLOCKED)
        assert client.state.cause(time.time_ns()) == f"blocked: test/one answers HTTP {status.value}"
        await asyncio.sleep(0.6)  # the first ordinary waits are shorter
        assert asked == ["/stream?streams=a"]
        assert client.lost == 0, "what never opened is not lost"


async def test_a_limited_handshake_closes_the_exchanges_attempts_for_the_time_given() -> None:
    attempts = AttemptBudget(100, 1)

    def refuse(connection: ServerConnection, _request: Request) -> Response:
        response = connection.respond(HTTPStatus.TOO_MANY_REQUESTS, "no")
        response.headers["Retry-After"] = "40"
        return response

    async with venue(stay, process_request=refuse) as port, running(Client(port, attempts=attempts)) as client:
        await until(lambda: client.state.condition(time.time_ns()) is Condition.LIMITED)
        assert 39 < attempts.wait_ns(time.monotonic_ns()) / 1e9 <= 40


async def test_attempts_stay_within_the_exchanges_budget() -> None:
    opened = []

    async def hang_up(_connection: ServerConnection) -> None:
        opened.append(time.monotonic())

    async with venue(hang_up) as port, running(Client(port, attempts=AttemptBudget(2, 60))) as client:
        await until(lambda: client.lost == 2)
        await asyncio.sleep(0.5)
        assert len(opened) == 2


async def test_a_venue_that_comes_up_later_is_found() -> None:
    async with venue(stay) as port:
        pass
    async with running(Client(port)) as client:
        await until(lambda: client.session.attempts >= 2)
        async with venue(stay, port):
            await until(lambda: client.session.is_open)
            assert client.session.cause is None


async def test_a_bug_in_what_takes_the_frames_ends_the_session_instead_of_a_reconnect() -> None:
    async def speak(connection: ServerConnection) -> None:
        await connection.send("no number")
        await stay(connection)

    async with venue(speak) as port:
        session: Session = Client(port).session
        with pytest.raises(ExceptionGroup) as raised:
            await session.run()
    assert raised.group_contains(ValueError, match="no number")


async def test_a_thousand_reconnects_leave_no_descriptor_and_no_task_behind() -> None:
    """Nine in ten are cut by the venue, each tenth is a replacement before the end."""
    ticker = Ticker()

    async def speak(connection: ServerConnection) -> None:
        await connection.send("1")
        await ticker.serve(connection)

    async with venue(speak) as port:
        client = Client(port, first_wait_seconds=1e-3)
        session = client.session
        session._redial.backoff.floor, session._redial.backoff.cap = 0.0, 1e-3
        async with running(client):
            await until(lambda: session.is_open and len(ticker.clients) == 1)
            gc.collect()
            before = resources()
            for number in range(1, 1001):
                if number % 10 == 0:
                    session.renew("test")
                else:
                    for connection in list(ticker.clients):
                        connection.transport.abort()
                await until(lambda done=number: session.losses + session.rotations == done and session.is_open)
                await until(lambda: len(ticker.clients) == 1)
            await until(lambda: resources() == before)
        assert (session.losses, session.rotations) == (900, 100)
