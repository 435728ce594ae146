"""What OKX enforces on its clients, one value per rule, from its documentation and measurements of the wire.

See https://www.okx.com/docs-v5/en/#overview-websocket-overview.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class OkxRules:
    """Limits of connections and subscriptions, and how often OKX speaks by itself.

    Attributes:
        subscribe_seconds: How long a connection may live without a subscription.
        silence_seconds: How long a connection lives without a push of ours or a message of the client.
        keepalive_seconds: Age of the last book update after which an empty one is sent.
        funding_seconds: Between two pushes of ``funding-rate``.
        connections_per_second: Handshakes of one address.
        requests_per_hour: Subscribe and unsubscribe requests of one connection.
        request_bytes: Longest request.
    """

    subscribe_seconds: float = 30
    silence_seconds: float = 30
    keepalive_seconds: float = 60
    funding_seconds: int = 30
    connections_per_second: int = 3
    requests_per_hour: int = 480
    request_bytes: int = 64 * 1024


OKX_RULES = OkxRules()
