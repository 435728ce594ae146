"""What Binance enforces on its clients, one value per rule, from its documentation and measurements of the wire."""

from dataclasses import dataclass
from enum import StrEnum

from marketprism.sim.instruments import MarketKind


class Route(StrEnum):
    """A WebSocket entrance. Each delivers its own streams only, whatever is subscribed there."""

    SPOT = "spot"
    USDM_PUBLIC = "usdm/public"
    USDM_MARKET = "usdm/market"


ROUTE_OF_PATH = {
    "spot": Route.SPOT,
    "usdm/public": Route.USDM_PUBLIC,
    "usdm/market": Route.USDM_MARKET,
    "usdm": Route.USDM_PUBLIC,  # retired in April 2026: still connects and acknowledges, delivers public data only
}


@dataclass(frozen=True, slots=True)
class WireRules:
    """Limits of one product.

    Attributes:
        ping_seconds: Between two ping frames of the server.
        pong_seconds: How long the answer to a ping may take; it must carry the ping's payload.
        messages_per_second: Incoming messages (ping, pong and text alike) before close code 1008.
        streams: Streams per connection; one more closes it.
        lifetime_seconds: Age at which every connection is cut.
        weight_per_minute: REST budget of one address per UTC clock minute.
        handshakes: Connection attempts of one address in five minutes; 0 where no limit is documented.
    """

    ping_seconds: float
    pong_seconds: float
    messages_per_second: int
    weight_per_minute: int
    streams: int = 1024
    lifetime_seconds: float = 86_400
    handshakes: int = 0


WIRE_RULES = {
    MarketKind.BINANCE_SPOT: WireRules(
        ping_seconds=20, pong_seconds=60, messages_per_second=5, weight_per_minute=6000, handshakes=300
    ),
    MarketKind.BINANCE_USDM: WireRules(
        ping_seconds=180, pong_seconds=600, messages_per_second=10, weight_per_minute=2400
    ),
}


def market_of(route: Route) -> MarketKind:
    """Tell whose rules hold on a route."""
    return MarketKind.BINANCE_SPOT if route is Route.SPOT else MarketKind.BINANCE_USDM
