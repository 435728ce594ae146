import aiohttp

from marketprism.sim.okx.faults import FAULTS
from tests.sim.conftest import Serve, inject, receive, socket

from .conftest import receive_rows, subscription


async def test_all_of_them_can_be_had_over_the_control_path(serve: Serve) -> None:
    async with serve() as simulator, aiohttp.ClientSession() as session:
        answer = await session.get(f"http://127.0.0.1:{simulator.port}/control/faults")
        available = {each["fault"] for each in (await answer.json())["available"]}
    assert {kind.name for kind in FAULTS} <= available


async def test_a_fault_that_waits_for_a_frame_warns_nobody(serve: Serve) -> None:
    async with serve() as simulator, socket(simulator, "/ws/v5/public") as client:
        await client.send(subscription(("trades", "BTC-USDT")))
        await receive(client)
        inject(simulator, fault="seq-reset", venue="okx-spot")
        await receive_rows(client, "trades", 5)
        assert client.close_code is None
