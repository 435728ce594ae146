"""What all venues of the process share: places for connections, attempts to connect, request weight."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from marketprism.collector.budget import ATTEMPTS, AttemptBudget, WeightBudget
from marketprism.contract.instruments import Exchange


class Places:
    """Bounds what is open at a time: WebSockets for as long as they live, REST requests while they run.

    Args:
        limit: Both together, 2 or more. One place is never given to a WebSocket: books that wait for their first
            snapshot would wait for ever.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.sockets = 0
        self._all = asyncio.Semaphore(limit)
        self._for_sockets = asyncio.Semaphore(limit - 1)

    @property
    def room_for_socket(self) -> bool:
        """Whether another WebSocket could be opened now."""
        return not self._for_sockets.locked()

    @asynccontextmanager
    async def socket(self) -> AsyncIterator[None]:
        """Wait for a place, and hold it for one WebSocket."""
        async with self._for_sockets, self._all:
            self.sockets += 1
            try:
                yield
            finally:
                self.sockets -= 1

    @asynccontextmanager
    async def request(self) -> AsyncIterator[None]:
        """Wait for a place, and hold it for one REST request."""
        async with self._all:
            yield


class Allowance:
    """The budgets of every exchange.

    Args:
        max_connections: Open WebSockets and running REST requests of the whole process.
    """

    def __init__(self, max_connections: int) -> None:
        self.places = Places(max_connections)
        self._attempts = {exchange: AttemptBudget(*limit) for exchange, limit in ATTEMPTS.items()}
        self._weights: dict[tuple[Exchange, str], WeightBudget] = {}

    def attempts(self, exchange: Exchange) -> AttemptBudget:
        """Return the budget that all venues of an exchange share."""
        return self._attempts[exchange]

    def weight(self, exchange: Exchange, rest_url: str, weight_per_minute: int) -> WeightBudget:
        """Return the budget of an exchange's REST address; each of its addresses is counted on its own."""
        return self._weights.setdefault((exchange, rest_url), WeightBudget(weight_per_minute))
