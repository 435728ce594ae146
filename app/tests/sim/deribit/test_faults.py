import aiohttp

from marketprism.sim.deribit.faults import FAULTS
from tests.sim.conftest import Serve, inject, socket

from .conftest import PATH, receive_data, subscribe


async def test_all_of_them_can_be_had_over_the_control_path(serve: Serve) -> None:
    async with serve() as simulator, aiohttp.ClientSession() as session:
        answer = await session.get(f"http://127.0.0.1:{simulator.port}/control/faults")
        available = {each["fault"] for each in (await answer.json())["available"]}
    assert {kind.name for kind in FAULTS} <= available


async def test_a_fault_that_waits_for_a_frame_closes_nothing(serve: Serve) -> None:
    name = "trades.BTC-PERPETUAL.100ms"
    async with serve() as simulator, socket(simulator, PATH) as client:
        inject(simulator, fault="chain-break", venue="deribit")
        await client.send(subscribe(name))
        await receive_data(client, name, 3)
        assert client.close_code is None
