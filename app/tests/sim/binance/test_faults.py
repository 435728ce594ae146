import pytest

from tests.sim.conftest import Serve, inject, receive, receive_rest, socket


@pytest.mark.parametrize("combined", [False, True], ids=["raw", "combined"])
async def test_a_shutdown_is_announced_as_the_connection_wants_it_and_then_happens(
    serve: Serve, combined: bool
) -> None:
    async with serve() as simulator, socket(simulator, "/spot/stream" if combined else "/spot/ws") as client:
        await client.send('{"method":"LIST_SUBSCRIPTIONS","id":1}')
        await receive(client)
        inject(simulator, fault="server-shutdown", after=0.2)
        [notice] = await receive_rest(client)
    event = notice["data"] if combined else notice
    assert notice.get("stream") == ("!serverShutdown" if combined else None)
    assert (event["e"], event["E"] > 1_700_000_000_000) == ("serverShutdown", True)
    assert (client.close_code, client.close_reason) == (1001, "Server shutdown")


async def test_futures_know_no_notice(serve: Serve) -> None:
    async with serve() as simulator, socket(simulator, "/usdm/market/ws/btcusdt@aggTrade") as client:
        inject(simulator, fault="server-shutdown", after=0.0)
        assert (await receive(client))["e"] == "aggTrade"
        assert simulator.clients == 1
