"""The credits of each client address: spent by requests, refilled by time."""

from marketprism.sim.deribit.rules import DeribitRules


class CreditMeter:
    """Charges requests to addresses; every kind of request has a pool of its own."""

    def __init__(self, rules: DeribitRules) -> None:
        self._rules = rules
        self._pools: dict[tuple[str, str], tuple[float, float]] = {}

    def charge(self, address: str, method: str, now: float) -> bool:
        """Take the credits of one request at `now`, seconds of a clock that only grows; False when they are too few."""
        name, credit = self._rules.credits_of(method)
        left, before = self._pools.get((address, name), (float(credit.pool), now))
        left = min(credit.pool, left + (now - before) * credit.per_second)
        affordable = left >= credit.cost
        self._pools[address, name] = (left - credit.cost if affordable else left, now)
        return affordable
