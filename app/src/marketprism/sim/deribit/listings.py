"""The perpetuals of Deribit: names, steps, and how quantities are counted."""

from dataclasses import dataclass

import msgspec

from marketprism.sim.deribit.numbers import number
from marketprism.sim.facts import FINE_DIGITS
from marketprism.sim.instruments import Listing, MarketKind, Pair, Step, derived_steps, typical_lots

_LEVEL_DOLLARS = 6_000
"""Typical value of one price level of an inverse perpetual."""


@dataclass(frozen=True, slots=True)
class DeribitListing(Listing):
    """A perpetual; one lot is one contract.

    Attributes:
        tick_units: A tick in units of its last digit: 5 for a tick of 0.5.
        lot_units: A contract, likewise: 10 for one of 10 dollars.
        inverse: Quantities are dollars, and coins settle; else quantities are base currency.
    """

    tick_units: int
    lot_units: int
    inverse: bool

    @property
    def currency(self) -> str:
        """The currency under which Deribit files it."""
        return self.base if self.inverse else self.quote

    @property
    def index(self) -> str:
        """Name of its price index."""
        return f"{self.base}_{self.quote}".lower()

    def price_number(self, ticks: int) -> msgspec.Raw:
        """Print a price."""
        return number(ticks * self.tick_units, self.tick.digits)

    def fine_number(self, thousandths: int) -> msgspec.Raw:
        """Print a mark or index price."""
        return number(thousandths * self.tick_units, self.tick.digits + FINE_DIGITS)

    def amount(self, lots: int) -> msgspec.Raw:
        """Print a quantity: dollars of an inverse perpetual, base currency of a linear one."""
        return number(lots * self.lot_units, self.lot.digits)


# Base currency -> start price in ticks, digits and units of the tick, dollars of a contract.
_INVERSE = {"BTC": (130_236, 1, 5, 10), "ETH": (52_860, 2, 5, 1)}

# Base currency -> start price in ticks, digits and units of the tick, digits of the lot.
_LINEAR = {"BTC": (130_238, 1, 5, 4), "ETH": (52_858, 2, 5, 3)}


def listing(pair: Pair) -> DeribitListing | None:
    """Describe a pair: inverse against dollars for bitcoin and ether, linear against USDC; None for others.

    Deribit has no USDT: such a pair of bitcoin or ether gets the inverse perpetual too, so that a simulator which is
    asked for BTCUSDT serves bitcoin on every venue.
    """
    if pair.quote == "USDC":
        price, digits, units, lot = _LINEAR.get(pair.base) or _derived(pair)
        symbol, quote, lot_units = f"{pair.base}_USDC-PERPETUAL", "USDC", 1
        lots = typical_lots(price * units, digits, lot)
    elif pair.quote in {"USD", "USDT"} and pair.base in _INVERSE:
        price, digits, units, dollars = _INVERSE[pair.base]
        symbol, quote, lot, lot_units = f"{pair.base}-PERPETUAL", "USD", 0, dollars
        lots = _LEVEL_DOLLARS // dollars
    else:
        return None
    steps = Step(digits, digits), Step(lot, lot)
    inverse = quote == "USD"
    return DeribitListing(MarketKind.DERIBIT, symbol, pair.base, quote, price, lots, *steps, units, lot_units, inverse)


def _derived(pair: Pair) -> tuple[int, int, int, int]:
    price, tick, lot = derived_steps(pair.base, pair.quote)
    return price, tick, 1, lot
