"""What a connection does whatever is said on it; the rest is in tests/sim/<venue>/test_dialogue.py."""

import asyncio
import socket as sockets

from .conftest import Serve, inject, receive, receive_rest, socket


async def test_a_client_that_does_not_read_is_cut_off_and_others_are_not(serve: Serve) -> None:
    names = "/".join(
        f"{symbol}@{kind}" for symbol in ("btcusdt", "ethusdt") for kind in ("bookTicker", "trade", "depth@100ms")
    )
    small = sockets.socket()
    small.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
    async with serve(rate=500, queue_frames=500) as simulator:
        small.connect(("127.0.0.1", simulator.port))
        slow = await socket(simulator, f"/spot/stream?streams={names}", sock=small, max_queue=1)
        async with socket(simulator, "/spot/ws/btcusdt@trade") as quick, asyncio.timeout(30):
            while simulator.clients > 1:
                await receive(quick)
            assert (await receive(quick))["e"] == "trade"
        await receive_rest(slow)
    assert slow.close_code == 1006


async def test_a_connection_that_ended_leaves_no_subscription_behind(serve: Serve) -> None:
    async with serve() as simulator, socket(simulator, "/spot/ws/ethusdt@trade") as other:
        async with socket(simulator, "/spot/ws/btcusdt@trade") as client:
            await receive(client)
            assert simulator.floor.hub.wanted(("spot", "btcusdt@trade"))
        async with asyncio.timeout(5):
            while simulator.clients > 1:
                await receive(other)
        assert not simulator.floor.hub.wanted(("spot", "btcusdt@trade"))


async def test_breaking_off_sends_no_close_frame(serve: Serve) -> None:
    async with serve() as simulator, socket(simulator, "/spot/ws") as client:
        inject(simulator, fault="close", code=1006)
        await receive_rest(client)
    assert (client.close_code, client.protocol.close_rcvd) == (1006, None)
