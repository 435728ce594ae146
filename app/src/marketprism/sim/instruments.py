"""What a simulated exchange lists: symbols, their price and quantity steps, and the text of numbers.

Prices are integer counts of ticks and quantities integer counts of lots; only the wire sees decimal text.
"""

from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256

from marketprism.errors import ConfigurationError


class MarketKind(StrEnum):
    """The markets that can be served, named as in the settings of the collector."""

    BINANCE_SPOT = "binance-spot"
    BINANCE_USDM = "binance-usdm"
    OKX_SPOT = "okx-spot"
    OKX_SWAP = "okx-swap"
    DERIBIT = "deribit"


@dataclass(frozen=True, slots=True)
class Traits:
    """What the markets of one kind do; the same traders act in all of them.

    Attributes:
        depth_periods_ms: Publication periods of the depth streams, multiples of `market.TICK_MS`.
        shared_ids: Update ids are shared by all symbols of the exchange, so that those of one symbol jump.
        hidden_orders: Some fills meet retail orders that the book does not show.
        derivative: There are funding, open interest, liquidations and, where the venue has them, long/short ratios.
        volatility: There is a volatility index of the base currency.
    """

    depth_periods_ms: tuple[int, ...]
    shared_ids: bool = True
    hidden_orders: bool = False
    derivative: bool = False
    volatility: bool = False


TRAITS = {
    MarketKind.BINANCE_SPOT: Traits((100, 1000), shared_ids=False),
    MarketKind.BINANCE_USDM: Traits((100, 250, 500), hidden_orders=True, derivative=True),
    MarketKind.OKX_SPOT: Traits((100,)),
    MarketKind.OKX_SWAP: Traits((100,), derivative=True),
    MarketKind.DERIBIT: Traits((100,), derivative=True, volatility=True),
}


@dataclass(frozen=True, slots=True)
class Step:
    """A power-of-ten step and how the exchange prints multiples of it.

    Attributes:
        digits: Digits after the point of one step: 2 for a tick of 0.01.
        shown: Digits after the point on the wire, at least; Binance spot pads everything to 8.
    """

    digits: int
    shown: int

    def text(self, units: int) -> str:
        """Return `units` steps as the decimal text of the wire."""
        whole, part = divmod(abs(units), 10**self.digits)
        fraction = (f"{part:0{self.digits}d}" if self.digits else "") + "0" * (self.shown - self.digits)
        sign = "-" if units < 0 else ""
        return f"{sign}{whole}.{fraction}" if fraction else f"{sign}{whole}"


@dataclass(frozen=True, slots=True)
class Pair:
    """What is traded for what, whatever a venue calls it; both in upper case."""

    base: str
    quote: str


@dataclass(frozen=True, slots=True)
class Listing:
    """One symbol of one market; a venue that knows more of its symbols derives a class of its own.

    Attributes:
        symbol: The venue's own name.
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
        """Name in logs and state files, such as ``binance-spot:BTCUSDT``."""
        return f"{self.market}:{self.symbol}"

    @property
    def traits(self) -> Traits:
        """What this market does."""
        return TRAITS[self.market]


_QUOTES = ("USDT", "USDC", "FDUSD", "TRY", "EUR", "BRL", "BTC", "ETH", "BNB", "USD")
_LEVEL_VALUE = 6_000
"""Typical value of one price level, in quote currency."""


def pair(text: str) -> Pair:
    """Read a pair, such as ``BTCUSDT`` or ``BTC-USDT``.

    Raises:
        ConfigurationError: It is not upper case or its quote currency cannot be told.
    """
    base, dash, quote = text.rpartition("-")
    if not dash:
        quote = next((q for q in _QUOTES if text.endswith(q)), "")
        base = text.removesuffix(quote)
    if not (base and quote) or not (base + quote).isalnum() or text != text.upper():
        raise ConfigurationError(
            f"symbol {text!r} is not an upper-case pair",
            remedy=f"join base and quote currency with a dash, or leave it out before one of {', '.join(_QUOTES)}: "
            "SOLUSDT, SOL-USDT",
        )
    return Pair(base, quote)


def derived_steps(base: str, quote: str) -> tuple[int, int, int]:
    """Give a pair five significant digits of price, somewhere between 0.0001 and 1000, and fitting lots.

    Returns:
        Price in ticks, digits of the tick, digits of the lot.
    """
    digest = sha256(f"{base}{quote}".encode()).digest()
    price = 20_000 + int.from_bytes(digest[:4]) % 70_000
    tick = 2 + digest[4] % 7
    return price, tick, max(0, 5 - tick)


def typical_lots(price: int, tick: int, lot: int) -> int:
    """Return the lots of a typical price level of a market whose lot is base currency."""
    return max(10, int(_LEVEL_VALUE * 10 ** (tick + lot) / price))
