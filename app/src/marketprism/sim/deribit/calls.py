"""How a call is received: credits, injected refusals, and the times that every answer carries."""

from time import monotonic, time_ns

from marketprism.sim.deribit import requests
from marketprism.sim.deribit.credits import CreditMeter
from marketprism.sim.deribit.methods import Methods
from marketprism.sim.deribit.requests import Times
from marketprism.sim.floor import Floor
from marketprism.sim.instruments import MarketKind

_VENUE = MarketKind.DERIBIT


class Desk:
    """What HTTP and WebSocket calls have in common.

    Attributes:
        methods: Those that both can call.
    """

    def __init__(self, floor: Floor, methods: Methods, meter: CreditMeter) -> None:
        self.methods = methods
        self._floor, self._meter = floor, meter

    def now_us(self) -> int:
        """Return the venue's time in microseconds."""
        return self._floor.now_ms(_VENUE) * 1000 + time_ns() // 1000 % 1000

    def times(self, received_us: int) -> Times:
        """Return the times of an answer that is sent now."""
        numbers = self._floor.faults.active("integer-times", _VENUE) is not None
        return Times(received_us, max(received_us, self.now_us()), as_numbers=numbers)

    def charge(self, address: str, method: str) -> None:
        """Take the credits of a call.

        Raises:
            RefusedRequestError: They do not suffice (10028).
        """
        spent = not self._meter.charge(address, method, monotonic())
        if spent or self._floor.faults.strike("too-many-requests", _VENUE):
            raise requests.too_many_requests()
