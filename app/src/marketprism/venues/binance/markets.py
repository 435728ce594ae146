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
_BARS_PER_ANSWER = 500
_RATES_PER_ANSWER = 1000
_SHORTEST_FUNDING_SECONDS = 3600
_OWN_LIMIT_WEIGHT = 10


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
        path: With the fields ``name``, ``first_id``, ``count``, ``start_ms`` and ``last_ms`` where it has any.
        weight: Request weight of one call; 0 where the endpoint has a limit of its own.
        interval_seconds: Time between two calls, where it is polled.
        span_seconds: Time that one answer covers, where it is asked for the past.
    """

    path: str
    weight: int
    interval_seconds: float = 0
    span_seconds: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class BinanceMarket:
    """One market.

    Attributes:
        market: Market of instruments without an expiry.
        trade_ids: What the ids of its trade stream count.
        depth: Whole books.
        depth_levels: Levels a side in one, at most.
        trades: Missing trades.
        listing: All instruments.
        polls: What only REST has, by data type.
        history: The past, by data type. What has a limit of its own weighs as if it shared the general one, which
            leaves more than half of that limit to polls: 1000 calls in five minutes under ``/futures/data``, 500 for
            funding rates.
        messages_per_second: What one connection may send; Binance's own limit is a fifth higher.
    """

    market: Market
    trade_ids: TradeIdKind
    routes: tuple[Route, ...]
    depth: Endpoint
    depth_levels: int
    trades: Endpoint
    listing: Endpoint
    weight_per_minute: int
    messages_per_second: float
    history: Mapping[str, Endpoint]
    polls: Mapping[str, Endpoint] = field(default_factory=dict)


def _bars(name: str) -> Endpoint:
    """Return an endpoint of bars of five minutes, oldest first."""
    path = f"/futures/data/{name}?symbol={{name}}&period={RATIO_PERIOD}&startTime={{start_ms}}&endTime={{last_ms}}"
    return Endpoint(
        path=f"{path}&limit={_BARS_PER_ANSWER}", weight=_OWN_LIMIT_WEIGHT, span_seconds=_BARS_PER_ANSWER * 300
    )


_BOOK = dict.fromkeys(("orderbook", "orderbook_delta"), ("depth@100ms", "bookTicker"))

SPOT = BinanceMarket(
    market=Market.SPOT,
    trade_ids=TradeIdKind.FILL,
    routes=(Route(name="market-data", path="/stream", streams={"trade": ("trade",), **_BOOK}),),
    depth=Endpoint(path="/api/v3/depth?symbol={name}&limit={count}", weight=250),
    depth_levels=5000,
    trades=Endpoint(path="/api/v3/historicalTrades?symbol={name}&fromId={first_id}&limit={count}", weight=25),
    listing=Endpoint(path="/api/v3/exchangeInfo?showPermissionSets=false", weight=20),
    history={"trade": Endpoint(path="/api/v3/aggTrades?symbol={name}&startTime={start_ms}&limit=1", weight=4)},
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
    depth=Endpoint(path="/fapi/v1/depth?symbol={name}&limit={count}", weight=20),
    depth_levels=1000,
    trades=Endpoint(path="/fapi/v1/aggTrades?symbol={name}&fromId={first_id}&limit={count}", weight=20),
    listing=Endpoint(path="/fapi/v1/exchangeInfo", weight=1),
    history={
        "trade": Endpoint(path="/fapi/v1/aggTrades?symbol={name}&startTime={start_ms}&limit=1", weight=20),
        "funding_rate": Endpoint(
            path="/fapi/v1/fundingRate?symbol={name}&startTime={start_ms}&endTime={last_ms}"
            f"&limit={_RATES_PER_ANSWER}",
            weight=_OWN_LIMIT_WEIGHT,
            span_seconds=_RATES_PER_ANSWER * _SHORTEST_FUNDING_SECONDS,
        ),
        "open_interest": _bars("openInterestHist"),
        "lsr_top_position": _bars("topLongShortPositionRatio"),
        "lsr_all_account": _bars("globalLongShortAccountRatio"),
    },
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
