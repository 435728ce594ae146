"""One simulator serves all venues on one port, and the same faults work on each of them."""

import aiohttp
import pytest

from marketprism.sim.binance.venue import Binance
from marketprism.sim.deribit.venue import Deribit
from marketprism.sim.instruments import MarketKind, Pair
from marketprism.sim.okx.venue import Okx
from marketprism.sim.venue import Venue

from .conftest import Serve

VENUES: list[Venue] = [Binance(), Okx(), Deribit()]
CLOCKS = ["/spot/api/v3/time", "/usdm/fapi/v1/time", "/api/v5/public/time", "/api/v2/public/get_time"]
ENTRANCES = ["/spot/ws", "/usdm/market/ws", "/ws/v5/public", "/ws/api/v2"]


def test_every_market_has_one_venue() -> None:
    assert sorted(market for venue in VENUES for market in venue.markets) == sorted(MarketKind)


@pytest.mark.parametrize("venue", VENUES, ids=lambda venue: type(venue).__name__)
def test_a_venue_lists_bitcoin_under_its_own_name_in_each_of_its_markets(venue: Venue) -> None:
    for market in venue.markets:
        about = venue.listing(market, Pair("BTC", "USDT"))
        assert about
        assert (about.market, about.base, "BTC" in about.symbol) == (market, "BTC", True)


async def test_all_venues_are_served_on_one_port(serve: Serve) -> None:
    async with (
        serve(markets=tuple(MarketKind)) as simulator,
        aiohttp.ClientSession(f"http://127.0.0.1:{simulator.port}") as session,
    ):
        for path in CLOCKS:
            async with session.get(path) as answer:
                assert answer.status == 200
        for path in ENTRANCES:
            async with session.ws_connect(path):
                pass


async def test_a_blocked_location_is_refused_everywhere(serve: Serve) -> None:
    async with (
        serve(markets=tuple(MarketKind)) as simulator,
        aiohttp.ClientSession(f"http://127.0.0.1:{simulator.port}") as session,
    ):
        async with session.post("/control/faults", json={"fault": "geo-blocked"}) as answer:
            assert answer.status == 201
        for path in CLOCKS + ENTRANCES:
            async with session.get(path) as answer:
                assert answer.status == 451, path
