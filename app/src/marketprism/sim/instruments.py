"""What the simulated exchange lists: symbols, their price and quantity steps, and the text of numbers.

Prices are integer counts of ticks and quantities integer counts of lots; only the wire sees decimal text.
"""

from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256

from marketprism.errors import ConfigurationError


class MarketKind(StrEnum):
    """The two Binance products served, named like their part of the URL."""

    SPOT = "spot"
    USDM = "usdm"


@dataclass(frozen=True, slots=True)
class Step:
    """A power-of-ten step and how the exchange prints multiples of it.

    Attributes:
        digits: Digits after the point of one step: 2 for a tick of 0.01.
        shown: Digits after the point on the wire; the spot exchange pads everything to 8.
    """

    digits: int
    shown: int

    def text(self, units: int) -> str:
        """Return `units` steps as the decimal text of the wire."""
        whole, part = divmod(units, 10**self.digits)
        fraction = (f"{part:0{self.digits}d}" if self.digits else "") + "0" * (self.shown - self.digits)
        return f"{whole}.{fraction}" if fraction else str(whole)


@dataclass(frozen=True, slots=True)
class Listing:
    """One symbol of one market.

    Attributes:
        price: Where the market starts and returns to in the long run, in ticks.
        lots: Typical quantity of one price level, in lots.
    """

    market: MarketKind
    symbol: str
    base: str
    quote: str
    price: int
    lots: int
    tick: Step
    lot: Step

    @property
    def key(self) -> str:
        """Name in logs and state files, such as ``spot:BTCUSDT``."""
        return f"{self.market}:{self.symbol}"


_QUOTES = ("USDT", "USDC", "FDUSD", "TRY", "EUR", "BRL", "BTC", "ETH", "BNB")
_SPOT_DIGITS = 8
_LEVEL_VALUE = 6_000
"""Typical value of one price level, in quote currency."""

# Market, symbol -> start price in ticks, then digits of tick and lot, then digits printed by the futures exchange.
_KNOWN = {
    (MarketKind.SPOT, "BTCUSDT"): (6_512_345, 2, 5, 0, 0),
    (MarketKind.SPOT, "ETHUSDT"): (264_321, 2, 4, 0, 0),
    (MarketKind.USDM, "BTCUSDT"): (651_201, 1, 3, 2, 3),
    (MarketKind.USDM, "ETHUSDT"): (264_290, 2, 3, 2, 3),
}


def listing(market: MarketKind, symbol: str) -> Listing:
    """Describe a symbol; one that is not built in gets a price and steps derived from its name.

    Raises:
        ConfigurationError: The symbol is not upper case or its quote currency cannot be told.
    """
    quote = next((q for q in _QUOTES if symbol.endswith(q) and symbol != q), None)
    if quote is None or not symbol.isalnum() or symbol != symbol.upper():
        raise ConfigurationError(
            f"symbol {symbol!r} is not an upper-case pair",
            remedy=f"use the exchange's own name, ending in one of {', '.join(_QUOTES)}, such as SOLUSDT",
        )
    price, tick, lot, price_shown, lot_shown = _KNOWN.get((market, symbol)) or _derived(symbol)
    if market is MarketKind.SPOT:
        price_shown = lot_shown = _SPOT_DIGITS
    lots = max(10, int(_LEVEL_VALUE * 10 ** (tick + lot) / price))
    return Listing(
        market, symbol, symbol.removesuffix(quote), quote, price, lots, Step(tick, price_shown), Step(lot, lot_shown)
    )


def _derived(symbol: str) -> tuple[int, int, int, int, int]:
    """Give a symbol five significant digits of price, somewhere between 0.0001 and 1000, and fitting lots."""
    digest = sha256(symbol.encode()).digest()
    price = 20_000 + int.from_bytes(digest[:4]) % 70_000
    tick = 2 + digest[4] % 7
    lot = max(0, 5 - tick)
    return price, tick, lot, tick, lot
