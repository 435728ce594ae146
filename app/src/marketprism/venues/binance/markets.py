"""What differs between Binance's markets, as a table of values, and how its symbols are written."""

import re
from dataclasses import dataclass

from marketprism.contract.instruments import Exchange, Instrument, Market, require_symbol
from marketprism.errors import ConfigurationError

_NAME = re.compile(
    r"(?P<base>.+?)(?P<quote>USDT|USDC|FDUSD|TUSD|BUSD|USD1|USDP|USDS|DAI|EUR|GBP|TRY|BRL|JPY|ARS|AUD|MXN|PLN|RON|UAH|ZAR"
    r"|COP|CZK|IDRT|BIDR|NGN|RUB|BTC|ETH|BNB|XRP|TRX|DOGE)(?:_(?P<expiry>\d{6}))?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BinanceMarket:
    """One market.

    Attributes:
        routes: WebSocket path by group of streams; futures split depth and trades over two routes (since 2026-04).
        depth_weight: Request weight of one snapshot of `depth_path`.
    """

    market: Market
    trade_stream: str
    depth_stream: str
    routes: dict[str, tuple[str, tuple[str, ...]]]
    depth_path: str
    depth_weight: int
    weight_per_minute: int


SPOT = BinanceMarket(
    market=Market.SPOT,
    trade_stream="trade",
    depth_stream="depth@100ms",
    routes={"market-data": ("/stream", ("trade", "orderbook"))},
    depth_path="/api/v3/depth?symbol={name}&limit=5000",
    depth_weight=250,
    weight_per_minute=6000,
)
USDM = BinanceMarket(
    market=Market.PERPETUAL,
    trade_stream="aggTrade",
    depth_stream="depth@100ms",
    routes={"public": ("/public/stream", ("orderbook",)), "market": ("/market/stream", ("trade",))},
    depth_path="/fapi/v1/depth?symbol={name}&limit=1000",
    depth_weight=20,
    weight_per_minute=2400,
)
MARKETS: dict[str, BinanceMarket] = {"binance-spot": SPOT, "binance-usdm": USDM}
"""Markets by the venue's name in the settings."""


def instrument(market: BinanceMarket, symbol: str) -> Instrument:
    """Make the instrument for a canonical symbol (``BTC-USDT``) or for Binance's own name (``BTCUSDT``).

    Raises:
        ConfigurationError: The quote currency of an undashed name is not known.
        ContractError: The symbol is not canonical.
    """
    canonical = symbol if "-" in symbol else _canonical(symbol.upper())
    require_symbol(canonical)
    base, quote, *expiry = canonical.split("-")
    name = "_".join([base + quote, *expiry])
    return Instrument(
        exchange=Exchange.BINANCE, market=Market.FUTURE if expiry else market.market, symbol=canonical, name=name
    )


def _canonical(name: str) -> str:
    parts = _NAME.fullmatch(name)
    if parts is None:
        raise ConfigurationError(
            f"the quote currency of symbol {name!r} is not known",
            remedy="write base and quote joined by a dash, such as BTC-USDT",
        )
    return "-".join(part for part in parts.groups() if part)
