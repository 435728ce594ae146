"""What differs between Binance's markets, as a table of values, and how its symbols are written."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from marketprism.contract.events import TradeIdKind
from marketprism.contract.instruments import Exchange, Instrument, Market, require_symbol
from marketprism.errors import ConfigurationError

_NAME = re.compile(
    r"(?P<base>.+?)(?P<quote>USDT|USDC|FDUSD|TUSD|BUSD|USD1|USDP|USDS|DAI|EUR|GBP|TRY|BRL|JPY|ARS|AUD|MXN|PLN|RON|UAH|ZAR"
    r"|COP|CZK|IDRT|BIDR|NGN|RUB|BTC|ETH|BNB|XRP|TRX|DOGE)(?:_(?P<expiry>\d{6}))?"
)
RATIO_PERIOD = "5m"
RATIO_BARS = 6
"""Bars asked for at once: half an hour, so that a restart leaves no hole."""
_RATIO = f"?symbol={{name}}&period={RATIO_PERIOD}&limit={RATIO_BARS}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One WebSocket entrance. It delivers its own streams only, and acknowledges all others.

    Attributes:
        streams: What follows the symbol in a stream's name, by data type.
    """

    name: str
    path: str
    streams: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One REST path.

    Attributes:
        path: With the fields ``name``, ``first_id`` and ``count`` where it has any.
        weight: Request weight of one call; 0 where the endpoint has a limit of its own.
        interval_seconds: Time between two calls, where it is polled.
    """

    path: str
    weight: int
    interval_seconds: float = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class BinanceMarket:
    """One market.

    Attributes:
        market: Market of instruments without an expiry.
        trade_ids: What the ids of its trade stream count.
        depth: Whole books.
        trades: Missing trades.
        listing: All instruments.
        polls: What only REST has, by data type.
        messages_per_second: What one connection may send; Binance's own limit is a fifth higher.
    """

    market: Market
    trade_ids: TradeIdKind
    routes: tuple[Route, ...]
    depth: Endpoint
    trades: Endpoint
    listing: Endpoint
    weight_per_minute: int
    messages_per_second: float
    polls: Mapping[str, Endpoint] = field(default_factory=dict)


_BOOK = dict.fromkeys(("orderbook", "orderbook_delta"), ("depth@100ms", "bookTicker"))

SPOT = BinanceMarket(
    market=Market.SPOT,
    trade_ids=TradeIdKind.FILL,
    routes=(Route(name="market-data", path="/stream", streams={"trade": ("trade",), **_BOOK}),),
    depth=Endpoint(path="/api/v3/depth?symbol={name}&limit=5000", weight=250),
    trades=Endpoint(path="/api/v3/historicalTrades?symbol={name}&fromId={first_id}&limit={count}", weight=25),
    listing=Endpoint(path="/api/v3/exchangeInfo?showPermissionSets=false", weight=20),
    weight_per_minute=6000,
    messages_per_second=4,
)
USDM = BinanceMarket(
    market=Market.PERPETUAL,
    trade_ids=TradeIdKind.AGGREGATE,
    routes=(
        Route(name="public", path="/public/stream", streams=_BOOK),
        Route(
            name="market",
            path="/market/stream",
            streams={"trade": ("aggTrade",), "funding_rate": ("markPrice@1s",), "liquidation": ("forceOrder",)},
        ),
    ),
    depth=Endpoint(path="/fapi/v1/depth?symbol={name}&limit=1000", weight=20),
    trades=Endpoint(path="/fapi/v1/aggTrades?symbol={name}&fromId={first_id}&limit={count}", weight=20),
    listing=Endpoint(path="/fapi/v1/exchangeInfo", weight=1),
    polls={
        "open_interest": Endpoint(path="/fapi/v1/openInterest?symbol={name}", weight=1, interval_seconds=30),
        "lsr_top_position": Endpoint(
            path=f"/futures/data/topLongShortPositionRatio{_RATIO}", weight=0, interval_seconds=60
        ),
        "lsr_all_account": Endpoint(
            path=f"/futures/data/globalLongShortAccountRatio{_RATIO}", weight=0, interval_seconds=60
        ),
    },
    weight_per_minute=2400,
    messages_per_second=8,
)
MARKETS: dict[str, BinanceMarket] = {"binance-spot": SPOT, "binance-usdm": USDM}
"""Markets by the venue's name in the settings."""


def has(instrument: Instrument, data_type: str) -> bool:
    """Tell whether Binance has this type of data for the instrument: a dated future pays no funding."""
    return data_type != "funding_rate" or instrument.market is Market.PERPETUAL


def instrument(market: BinanceMarket, symbol: str) -> Instrument:
    """Make the instrument for a canonical symbol (``BTC-USDT``) or for Binance's own name (``BTCUSDT``).

    For recordings, which come without the exchange's list of instruments (`directory`).

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
