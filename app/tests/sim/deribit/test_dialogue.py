import asyncio
from dataclasses import replace

from marketprism.sim.deribit.rules import DERIBIT_RULES
from tests.sim.conftest import Serve, inject, receive, receive_many, receive_rest, socket

from .conftest import GENEROUS, PATH, answered, call, receive_data, subscribe

TRADES, BOOK = "trades.BTC-PERPETUAL.100ms", "book.BTC-PERPETUAL.100ms"
TEST_REQUEST = {"jsonrpc": "2.0", "method": "heartbeat", "params": {"type": "test_request"}}


async def test_the_result_lists_accepted_channels_only(serve: Serve) -> None:
    names = [TRADES, "trades.NO-PERPETUAL.100ms", "nonsense", "ticker.ETH-PERPETUAL.100ms"]
    async with serve() as simulator, socket(simulator, PATH) as client:
        await client.send(subscribe(*names))
        answer = await receive(client)
    assert answer["result"] == [TRADES, "ticker.ETH-PERPETUAL.100ms"]
    assert isinstance(answer["usIn"], str)
    assert int(answer["usOut"]) - int(answer["usIn"]) == answer["usDiff"]


async def test_raw_channels_need_credentials(serve: Serve) -> None:
    async with serve() as simulator, socket(simulator, PATH) as client:
        await client.send(subscribe(TRADES, "book.BTC-PERPETUAL.raw"))
        answer = await receive(client)
        assert await receive_many(client, 0.3) == []
    assert answer["error"] == {"message": "raw_subscriptions_not_available_for_unauthorized", "code": 13_778}
    assert answer["id"] == 1


async def test_a_channel_can_be_missing_in_the_result(serve: Serve) -> None:
    async with serve() as simulator, socket(simulator, PATH) as client:
        inject(simulator, fault="channel-missing", venue="deribit", symbol="BTC-PERPETUAL")
        await client.send(subscribe(TRADES, BOOK))
        answer = await receive(client)
        frames = await receive_many(client, 0.6)
        await client.send(subscribe(TRADES))
        again = await answered(client)
    assert answer["result"] == [BOOK]
    assert {frame["params"]["channel"] for frame in frames} == {BOOK}
    assert again["result"] == [TRADES]


async def test_unsubscribing_ends_the_delivery(serve: Serve) -> None:
    async with serve() as simulator, socket(simulator, PATH) as client:
        await client.send(subscribe(TRADES, BOOK))
        await receive_data(client, TRADES, 1)
        await client.send(call("unsubscribe", 2, channels=[TRADES]))
        assert (await answered(client))["result"] == [TRADES]
        await client.send(call("unsubscribe_all", 3))
        assert (await answered(client))["result"] == "ok"
        assert await receive_many(client, 0.3) == []


async def test_a_client_that_answers_test_requests_stays_and_one_that_does_not_is_closed(serve: Serve) -> None:
    async with (
        serve(replace(GENEROUS, shortest_heartbeat=0.2)) as simulator,
        socket(simulator, PATH) as polite,
        socket(simulator, PATH) as mute,
    ):
        for client in (polite, mute):
            await client.send(call("set_heartbeat", interval=0.2))
            assert (await receive(client))["result"] == "ok"
        beats = []
        for number in range(4):
            beats += [await receive(polite), await receive(polite)]
            await polite.send(call("test", number))
            assert (await receive(polite))["result"] == {"version": "1.2.26"}
        seen = await receive_rest(mute)
        assert polite.close_code is None
    assert [beat["params"]["type"] for beat in beats[:2]] == ["heartbeat", "test_request"]
    assert beats[1] == TEST_REQUEST
    assert seen[-1] == TEST_REQUEST
    assert (mute.close_code, mute.close_reason) == (1008, "Heartbeat timeout")


async def test_heartbeats_can_be_switched_off(serve: Serve) -> None:
    async with serve(replace(GENEROUS, shortest_heartbeat=0.1)) as simulator, socket(simulator, PATH) as client:
        await client.send(call("set_heartbeat", interval=0.1))
        await client.send(call("disable_heartbeat", 2))
        assert [(await receive(client))["result"] for _ in range(2)] == ["ok", "ok"]
        assert await receive_many(client, 0.4) == []


async def test_a_heartbeat_below_ten_seconds_is_refused(serve: Serve) -> None:
    async with serve() as simulator, socket(simulator, PATH) as client:
        await client.send(call("set_heartbeat", interval=9))
        error = (await receive(client))["error"]
    assert (error["code"], error["data"]) == (-32_602, {"reason": "must be at least 10", "param": "interval"})


async def test_an_unanswered_test_request_can_be_injected(serve: Serve) -> None:
    async with serve() as simulator, socket(simulator, PATH) as client:
        await client.send(call("test"))
        await receive(client)
        inject(simulator, fault="test-request", venue="deribit", after=0.1)
        assert await receive_rest(client) == [TEST_REQUEST]
    assert (client.close_code, client.close_reason) == (1008, "Heartbeat timeout")


async def test_one_subscription_beyond_the_credits_ends_the_session(serve: Serve) -> None:
    async with serve(DERIBIT_RULES) as simulator, socket(simulator, PATH) as client:
        for number in range(11):
            await client.send(call("subscribe", number, channels=[]))
        frames = await receive_rest(client)
    assert [frame.get("result") for frame in frames[:10]] == [[]] * 10
    assert (frames[10]["id"], frames[10]["error"]) == (10, {"message": "too_many_requests", "code": 10_028})
    assert client.close_code == 1008


async def test_spent_credits_can_be_injected(serve: Serve) -> None:
    async with serve() as simulator, socket(simulator, PATH) as client:
        inject(simulator, fault="too-many-requests", venue="deribit")
        await client.send(call("test"))
        (frame,) = await receive_rest(client)
    assert frame["error"]["code"] == 10_028


async def test_times_can_be_the_numbers_of_before_2026(serve: Serve) -> None:
    async with serve() as simulator, socket(simulator, PATH) as client:
        inject(simulator, fault="integer-times", venue="deribit")
        await client.send(call("test"))
        answer = await receive(client)
    assert [type(answer[name]) for name in ("usIn", "usOut", "usDiff")] == [int, int, int]


async def test_the_clock_of_the_venue_can_be_wrong(serve: Serve) -> None:
    async with serve() as simulator, socket(simulator, PATH) as client:
        await client.send(call("get_time"))
        right = await receive(client)
        inject(simulator, fault="clock-skew", venue="deribit", milliseconds=60_000)
        await client.send(call("get_time"))
        skewed = await receive(client)
    for difference in (skewed["result"] - right["result"], (int(skewed["usIn"]) - int(right["usIn"])) // 1000):
        assert 59_999 <= difference < 65_000  # whole milliseconds of two clocks


async def test_a_wrong_call_is_answered_and_the_connection_stays(serve: Serve) -> None:
    async with serve() as simulator, socket(simulator, PATH) as client:
        for text in ("{", call("no_such"), call("subscribe", channels="all")):
            await client.send(text)
        codes = [(await receive(client))["error"]["code"] for _ in range(3)]
        async with asyncio.timeout(5):
            await (await client.ping())
    assert codes == [-32_700, -32_601, -32_602]
