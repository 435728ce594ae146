"""What faults do to markets: their pace, their size, their end."""

from collections.abc import Sequence
from dataclasses import replace

from marketprism.sim.facts import Fact, Mark
from marketprism.sim.injection import Fault, Faults
from marketprism.sim.instruments import Listing
from marketprism.sim.market import Market


class Disturbance:
    """Applies the faults of `faults.Where.MARKET`."""

    def __init__(self, faults: Faults, markets: Sequence[Market]) -> None:
        self._faults, self._markets = faults, markets
        self._seen: list[Fault] = []

    def strike(self, fault: Fault) -> None:
        """Do what a fault does at the moment of its injection."""
        for market in self._markets:
            about = market.listing
            if not fault.meets(about.market, about.symbol):
                continue
            match fault.kind.name:
                case "liquidation" if market.derivative:
                    market.wanted_liquidations += fault.left or 1
                case "big-frame":
                    market.storm(fault.number("levels"))
                case "stale-snapshot":
                    market.book.keep()

    def refresh(self) -> None:
        """Bring the markets in line with the faults that began or ended since the last call."""
        alive = list(self._faults.alive()) if self._faults.injected else []
        if alive == self._seen:
            return
        self._seen = alive
        for market in self._markets:
            kind, symbol = market.listing.market, market.listing.symbol
            burst = self._faults.active("burst", kind, symbol)
            market.pace = min(burst.number("factor"), market.most_pace) if burst else 1
            market.listed = self._faults.active("delisted", kind, symbol) is None
            if self._faults.active("stale-snapshot", kind, symbol) is None:
                market.book.forget()

    def told(self, about: Listing, fact: Fact) -> Fact:
        """Return a fact as the exchange tells it."""
        if isinstance(fact, Mark) and self._seen and self._faults.active("no-funding", about.market, about.symbol):
            return replace(fact, rate=0, funding_ms=0)
        return fact
