from tests.sim.conftest import Serve, get, inject, receive, socket

DEPTH = "/usdm/public/stream?streams=btcusdt@depth@100ms"


async def test_stale_snapshots_are_older_than_the_stream_until_their_count_is_used_up(serve: Serve) -> None:
    async with serve() as simulator, socket(simulator, "/usdm/public/ws/btcusdt@depth@500ms") as other:
        for _ in range(2):
            await receive(other)
        inject(simulator, fault="stale-snapshot", symbol="BTCUSDT", count=2)
        async with socket(simulator, DEPTH) as client:
            first = (await receive(client))["data"]
            for _ in range(2):
                await receive(client)
            found = [(await get(simulator, "/usdm/fapi/v1/depth?symbol=BTCUSDT&limit=1000"))[1] for _ in range(3)]
    ids = [each["lastUpdateId"] for each in found]
    assert max(ids[:2]) < ids[2], "the copy is renewed once a second, the book ten times"
    assert first["U"] <= ids[2]
    assert found[1]["bids"] != found[2]["bids"]


async def test_a_delisted_symbol_is_shown_as_such_in_the_metadata(serve: Serve) -> None:
    async with serve() as simulator, socket(simulator, "/usdm/market/ws/btcusdt@markPrice@1s") as client:
        inject(simulator, fault="delisted", venue="binance-usdm", symbol="ETHUSDT")
        await receive(client)
        found = [(await get(simulator, f"{path}/exchangeInfo"))[1] for path in ("/usdm/fapi/v1", "/spot/api/v3")]
    statuses = [{each["symbol"]: each["status"] for each in info["symbols"]} for info in found]
    assert statuses[0]["ETHUSDT"] == "SETTLING"
    assert statuses[0]["BTCUSDT"] == "TRADING"
    assert statuses[1] == {"BTCUSDT": "TRADING", "ETHUSDT": "TRADING"}


async def test_an_edge_snapshot_ends_where_an_update_ended(serve: Serve) -> None:
    """So that ``pu == lastUpdateId`` and ``U == lastUpdateId + 1`` happen, as they do on the exchange."""
    async with serve() as simulator, socket(simulator, DEPTH) as client:
        inject(simulator, fault="edge-snapshot", venue="binance-usdm", symbol="BTCUSDT", count=1)
        events = [(await receive(client))["data"] for _ in range(2)]
        snapshot = (await get(simulator, "/usdm/fapi/v1/depth?symbol=BTCUSDT&limit=1000"))[1]
        events += [(await receive(client))["data"] for _ in range(3)]
    assert snapshot["lastUpdateId"] in {event["pu"] for event in events}
