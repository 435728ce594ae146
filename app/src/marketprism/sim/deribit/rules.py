"""What Deribit enforces on its clients, one value per rule, from its documentation.

See https://docs.deribit.com/ (rate limits, connection management, heartbeat).
"""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Credits:
    """A pool from which every request of one kind pays.

    Attributes:
        cost: Credits of one request.
        pool: Credits that an idle client has collected.
        per_second: Credits that flow back.
    """

    cost: int
    pool: int
    per_second: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeribitRules:
    """Limits of connections and requests.

    Attributes:
        connections: WebSocket connections and REST requests of one address at a time.
        shortest_heartbeat: Seconds; a shorter interval is refused.
        default: Credits of every method that has none of its own.
        special: Credits by method.
    """

    connections: int = 32
    shortest_heartbeat: float = 10
    default: Credits = Credits(500, 50_000, 10_000)
    special: dict[str, Credits] = field(
        default_factory=lambda: {
            "public/subscribe": Credits(3_000, 30_000, 10_000),
            "public/get_instruments": Credits(10_000, 50_000, 10_000),
        }
    )

    def credits_of(self, method: str) -> tuple[str, Credits]:
        """Return the pool of a method, by name, and its credits; methods without one of their own share ``default``."""
        own = self.special.get(method)
        return (method, own) if own else ("default", self.default)


DERIBIT_RULES = DeribitRules()
