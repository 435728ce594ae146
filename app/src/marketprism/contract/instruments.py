"""What is traded where: exchanges, markets, canonical symbols and their place in a subject."""

import re
from enum import StrEnum
from urllib.parse import quote, unquote

import msgspec

from marketprism.errors import ContractError


class Exchange(StrEnum):
    """Exchanges, by the name that subjects, rows and settings use."""

    BINANCE = "binance"
    OKX = "okx"
    DERIBIT = "deribit"


class Market(StrEnum):
    """Kinds of markets. One that is not listed is refused, never taken for spot."""

    SPOT = "spot"
    PERPETUAL = "perpetual"
    FUTURE = "future"
    OPTION = "option"
    INDEX = "index"


class Source(StrEnum):
    """Where the events of an envelope come from; rows of different sources never mix unseen."""

    LIVE = "live"
    SIMULATED = "simulated"
    REPLAYED = "replayed"


class ContractUnit(StrEnum):
    """What one contract is worth a fixed amount of: base currency (linear) or quote currency (inverse)."""

    BASE = "base"
    QUOTE = "quote"


class Instrument(msgspec.Struct, frozen=True, kw_only=True):
    """One tradable thing on one exchange.

    Attributes:
        symbol: Canonical symbol, ``BASE-QUOTE`` with expiry and strike where there are any: ``BTC-USDT-261225``.
        name: The exchange's own name: ``BTCUSDT``.
        contract_size: Units in one of what the exchange counts; ``1`` of base currency on spot.
        contract_unit: Currency of that size.
    """

    exchange: Exchange
    market: Market
    symbol: str
    name: str
    contract_size: str = "1"
    contract_unit: ContractUnit = ContractUnit.BASE

    def __str__(self) -> str:
        return f"{self.exchange}.{self.market}.{self.symbol}"


_SYMBOL = re.compile(r"[^\s\-./*>]+-[^\s\-./*>]+(?:-\d{6})?(?:-\d+(?:\.\d+)?-[CP])?")


def require_symbol(symbol: str) -> str:
    """Return a canonical symbol unchanged.

    Raises:
        ContractError: It has not the form ``BASE-QUOTE``.
    """
    if _SYMBOL.fullmatch(symbol) is None:
        raise ContractError(
            f"symbol {symbol!r} is not canonical",
            remedy="write base and quote joined by a dash, such as BTC-USDT (or BTC-USDT-261225 for a dated future)",
        )
    return symbol


def escape_token(text: str) -> str:
    """Turn any text into one NATS subject token (also a safe file name); percent-encoded like a URL.

    Symbols may be non-ASCII, and a dot, a star or a space would change the meaning of a subject.
    """
    return quote(text, safe="").replace(".", "%2E").replace("*", "%2A").replace("~", "%7E")


def unescape_token(token: str) -> str:
    """Undo `escape_token`."""
    return unquote(token)
