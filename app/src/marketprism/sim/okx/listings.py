"""The instruments of OKX: names, contracts, steps, and how OKX prints numbers."""

from dataclasses import dataclass

from marketprism.sim.facts import FINE_DIGITS
from marketprism.sim.instruments import Listing, MarketKind, Pair, Step, derived_steps, typical_lots

_LEVEL_DOLLARS = 6_000
"""Typical value of one price level of an inverse contract."""


@dataclass(frozen=True, slots=True)
class Contract:
    """What one contract of a swap is worth.

    Attributes:
        value: In `currency`; a power of ten.
        digits: Digits after the point of `value`: 2 for 0.01, 0 for 100.
        inverse: Worth a fixed sum of dollars and settled in coins, instead of the other way round.
    """

    value: int
    digits: int
    currency: str
    settle: str
    inverse: bool


@dataclass(frozen=True, slots=True)
class OkxListing(Listing):
    """An instrument; quantities are contracts where there is a `contract`, else base currency."""

    contract: Contract | None

    @property
    def kind(self) -> str:
        """OKX's ``instType``."""
        return "SWAP" if self.contract else "SPOT"

    @property
    def family(self) -> str:
        """OKX's ``instFamily`` and ``uly``: the pair."""
        return f"{self.base}-{self.quote}"

    def price_text(self, ticks: int) -> str:
        """Print a price without trailing zeros."""
        return plain(self.tick.text(ticks))

    def size_text(self, lots: int) -> str:
        """Print a quantity, likewise."""
        return plain(self.lot.text(lots))

    def coins(self, lots: int, mark: int) -> str:
        """Print contracts as coins, cut to eight digits where the division leaves more.

        Args:
            lots: Contracts, in lots.
            mark: Mark price, in thousandths of a tick.
        """
        assert self.contract, "only contracts are converted"
        if not self.contract.inverse:
            digits = self.lot.digits + self.contract.digits
            return plain(Step(digits, digits).text(lots * self.contract.value))
        hundred_millionths = lots * self.contract.value * 10 ** (8 + self.tick.digits + FINE_DIGITS - self.lot.digits)
        return plain(Step(8, 8).text(hundred_millionths // mark))

    def dollars(self, lots: int, mark: int) -> str:
        """Print contracts as dollars; arguments as for `coins`."""
        assert self.contract, "only contracts are converted"
        if self.contract.inverse:
            return plain(self.lot.text(lots * self.contract.value))
        digits = self.lot.digits + self.contract.digits + self.tick.digits + FINE_DIGITS
        return plain(Step(digits, digits).text(lots * self.contract.value * mark))


def plain(text: str) -> str:
    """Drop trailing zeros after the point."""
    return text.rstrip("0").rstrip(".") if "." in text else text


# Spot pair -> start price in ticks, digits of tick and of lot.
_SPOT = {
    Pair("BTC", "USDT"): (651_234, 1, 8),
    Pair("ETH", "USDT"): (264_321, 2, 6),
    Pair("SATS", "USDT"): (31_250, 12, 0),
}

# Swap pair -> start price in ticks, digits of tick and of lot, value of a contract and its digits.
_SWAP = {
    Pair("BTC", "USDT"): (651_201, 1, 2, 1, 2),
    Pair("ETH", "USDT"): (264_290, 2, 2, 1, 1),
    Pair("DOGE", "USDT"): (15_432, 5, 2, 1_000, 0),
    Pair("SATS", "USDT"): (31_244, 12, 0, 10_000_000, 0),
    Pair("BTC", "USD"): (651_180, 1, 1, 100, 0),
    Pair("ETH", "USD"): (264_270, 2, 1, 10, 0),
}


def listing(market: MarketKind, pair: Pair) -> OkxListing | None:
    """Describe a pair; one that is not built in gets price and steps derived from its name.

    None for spot against dollars, which OKX does not list: ``USD`` names its inverse contracts.
    """
    if market is MarketKind.OKX_SWAP:
        return _swap(pair)
    if pair.quote == "USD":
        return None
    price, tick, lot = _SPOT.get(pair) or derived_steps(pair.base, pair.quote)
    symbol, lots = f"{pair.base}-{pair.quote}", typical_lots(price, tick, lot)
    return OkxListing(market, symbol, pair.base, pair.quote, price, lots, Step(tick, tick), Step(lot, lot), None)


def _swap(pair: Pair) -> OkxListing:
    inverse = pair.quote == "USD"
    price, tick, lot, value, digits = _SWAP.get(pair) or _derived(pair, inverse=inverse)
    if inverse:
        contract = Contract(value, digits, "USD", pair.base, inverse=True)
        lots = _LEVEL_DOLLARS * 10**lot // value
    else:
        contract = Contract(value, digits, pair.base, pair.quote, inverse=False)
        lots = max(10, typical_lots(price, tick, lot + digits) // value)
    symbol, steps = f"{pair.base}-{pair.quote}-SWAP", (Step(tick, tick), Step(lot, lot))
    return OkxListing(MarketKind.OKX_SWAP, symbol, pair.base, pair.quote, price, lots, *steps, contract)


def _derived(pair: Pair, *, inverse: bool) -> tuple[int, int, int, int, int]:
    price, tick, _ = derived_steps(pair.base, pair.quote)
    return (price, tick, 1, 10, 0) if inverse else (price, tick, 1, 1, 0)
