import asyncio
from dataclasses import replace

from tests.sim.conftest import Serve, inject, receive, receive_many, receive_rest, socket

from .conftest import QUICK, receive_rows, subscription

PUBLIC, BUSINESS = "/ws/v5/public", "/ws/v5/business"


async def test_every_arg_of_a_request_is_answered_by_itself(serve: Serve) -> None:
    async with serve() as simulator, socket(simulator, PUBLIC) as client:
        await client.send(
            '{"id":"1512","op":"subscribe","args":[{"channel":"open-interest","instId":"BTC-USDT-SWAP"},'
            '{"channel":"books","instId":"NO-SUCH"},{"channel":"funding-rate","instId":"BTC-USDT"},'
            '{"channel":"liquidation-orders","instType":"SWAP"}]}'
        )
        answers = [await receive(client) for _ in range(4)]
    assert [(each["event"], each.get("code"), each["id"]) for each in answers] == [
        ("subscribe", None, "1512"),
        ("error", "60018", "1512"),
        ("error", "60018", "1512"),  # spot has no funding
        ("subscribe", None, "1512"),
    ]
    assert answers[0]["arg"] == {"channel": "open-interest", "instId": "BTC-USDT-SWAP"}
    assert {each["connId"] for each in answers} == {answers[0]["connId"]}
    assert len(answers[0]["connId"]) == 8


async def test_the_text_ping_is_answered_by_the_text_pong(serve: Serve) -> None:
    async with serve() as simulator, socket(simulator, PUBLIC) as client:
        await client.send("ping")
        async with asyncio.timeout(5):
            assert await client.recv() == "pong"


async def test_a_request_that_is_none_is_refused_and_the_connection_stays(serve: Serve) -> None:
    async with serve() as simulator, socket(simulator, PUBLIC) as client:
        await client.send("hello")
        refused = await receive(client)
        await client.send(subscription(("trades", "BTC-USDT")))
        assert (await receive(client))["event"] == "subscribe"
    assert (refused["event"], refused["code"], refused["msg"]) == ("error", "60012", "Invalid request: hello")


async def test_a_connection_without_subscription_is_closed_even_if_it_pings(serve: Serve) -> None:
    async with serve(replace(QUICK, subscribe_seconds=0.4)) as simulator, socket(simulator, PUBLIC) as client:
        await client.send("ping")
        async with asyncio.timeout(5):
            await client.wait_closed()
    assert (client.close_code, client.close_reason) == (4004, "No data received in 30s.")


async def test_a_silent_connection_is_closed_and_one_that_pings_stays(serve: Serve) -> None:
    quiet = subscription(("liquidation-orders", "FUTURES"))  # nothing is ever sent there
    async with (
        serve(replace(QUICK, silence_seconds=0.6)) as simulator,
        socket(simulator, PUBLIC) as silent,
        socket(simulator, PUBLIC) as pinging,
    ):
        for client in (silent, pinging):
            await client.send(quiet)
        async with asyncio.TaskGroup() as tasks, asyncio.timeout(5):
            pings = tasks.create_task(_ping(pinging))
            await silent.wait_closed()
            pings.cancel()
        assert silent.close_code == 4004
        assert pinging.close_code is None


async def test_a_ping_keeps_the_connection_even_where_its_pong_is_lost(serve: Serve) -> None:
    async with serve(replace(QUICK, silence_seconds=0.4)) as simulator, socket(simulator, PUBLIC) as client:
        inject(simulator, fault="no-pong", venue="okx-swap")
        await client.send(subscription(("liquidation-orders", "FUTURES")))
        for _ in range(4):
            await client.send("ping")
            await asyncio.sleep(0.2)  # the rule under test is about wall time
        assert client.close_code is None


async def _ping(client: object) -> None:
    while True:
        await client.send("ping")
        await client.recv()
        await asyncio.sleep(0.2)  # the rule under test is about wall time


async def test_unsubscribing_is_acknowledged_and_ends_the_delivery(serve: Serve) -> None:
    async with serve() as simulator, socket(simulator, PUBLIC) as client:
        await client.send(subscription(("trades", "BTC-USDT")))
        await receive_rows(client, "trades", 1)
        await client.send(subscription(("trades", "BTC-USDT"), op="unsubscribe"))
        while (frame := await receive(client)).get("event") != "unsubscribe":
            pass
        assert frame["arg"] == {"channel": "trades", "instId": "BTC-USDT"}
        assert await receive_many(client, 0.4) == []


async def test_one_request_too_many_in_the_hour_is_refused_and_not_carried_out(serve: Serve) -> None:
    async with serve(replace(QUICK, requests_per_hour=2)) as simulator, socket(simulator, PUBLIC) as client:
        for _ in range(3):
            await client.send(subscription(("open-interest", "BTC-USDT-SWAP")))
        answers = [await receive(client) for _ in range(3)]
    assert [each.get("code", each["event"]) for each in answers] == ["subscribe", "subscribe", "60014"]


async def test_a_request_beyond_64_kib_ends_the_connection(serve: Serve) -> None:
    async with serve() as simulator, socket(simulator, PUBLIC) as client:
        await client.send("x" * (64 * 1024 + 1))
        async with asyncio.timeout(5):
            await client.wait_closed()
    assert client.close_code == 1009


async def test_the_notice_comes_first_and_the_close_when_its_time_is_up(serve: Serve) -> None:
    async with serve() as simulator, socket(simulator, PUBLIC) as client, socket(simulator, BUSINESS) as other:
        await client.send(subscription(("open-interest", "BTC-USDT-SWAP")))
        await receive(client)
        await other.send("ping")
        await other.recv()
        inject(simulator, fault="service-upgrade", venue="okx-swap", after=0.3)
        notices = [frames[-1] for frames in (await receive_rest(client), await receive_rest(other))]
    assert [(each["event"], each["code"]) for each in notices] == [("notice", "64008")] * 2
    assert (client.close_code, other.close_code) == (1001, 1001)


async def test_without_pong_the_data_goes_on(serve: Serve) -> None:
    async with serve() as simulator, socket(simulator, PUBLIC) as client:
        inject(simulator, fault="no-pong", venue="okx-spot")
        await client.send("ping")
        await client.send(subscription(("trades", "BTC-USDT")))
        assert (await receive(client))["event"] == "subscribe"
        assert (await receive(client))["arg"]["channel"] == "trades"


async def test_a_channel_can_be_acknowledged_and_stay_silent(serve: Serve) -> None:
    async with serve() as simulator, socket(simulator, PUBLIC) as client:
        inject(simulator, fault="silent", venue="okx-spot", symbol="BTC-USDT")
        await client.send(subscription(("trades", "BTC-USDT"), ("trades", "BTC-USDT-SWAP")))
        frames = await receive_many(client, 1.0)
    assert [each["arg"]["instId"] for each in frames[:2]] == ["BTC-USDT", "BTC-USDT-SWAP"]
    assert {each["arg"]["instId"] for each in frames[2:]} == {"BTC-USDT-SWAP"}


async def test_a_delisted_instrument_does_not_exist(serve: Serve) -> None:
    async with serve() as simulator, socket(simulator, PUBLIC) as client:
        inject(simulator, fault="delisted", venue="okx-spot", symbol="BTC-USDT")
        await asyncio.sleep(0.1)  # the market notices with its next tick
        await client.send(subscription(("trades", "BTC-USDT")))
        assert (await receive(client))["code"] == "60018"
