import pytest

from marketprism.sim.binance.rules import ROUTE_OF_PATH, WIRE_RULES, Route, market_of
from marketprism.sim.instruments import MarketKind


def test_the_limits_are_the_documented_ones() -> None:
    spot, futures = WIRE_RULES[MarketKind.BINANCE_SPOT], WIRE_RULES[MarketKind.BINANCE_USDM]
    assert (spot.ping_seconds, spot.pong_seconds, spot.messages_per_second, spot.weight_per_minute) == (20, 60, 5, 6000)
    assert (futures.ping_seconds, futures.pong_seconds, futures.messages_per_second) == (180, 600, 10)
    assert (spot.handshakes, futures.handshakes) == (300, 0)
    assert (futures.weight_per_minute, spot.streams, futures.streams) == (2400, 1024, 1024)


@pytest.mark.parametrize("route", Route)
def test_every_route_has_the_path_of_its_name_and_a_market(route: Route) -> None:
    assert ROUTE_OF_PATH[route.value] is route
    assert market_of(route).value == f"binance-{route.value.partition('/')[0]}"


def test_the_retired_path_of_futures_still_leads_to_public_data() -> None:
    assert ROUTE_OF_PATH["usdm"] is Route.USDM_PUBLIC
