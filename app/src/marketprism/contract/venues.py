"""The venues, one market of one exchange each: what they deliver, where they are, what is collected by default."""

from collections.abc import Iterable
from dataclasses import dataclass

from marketprism.contract.catalog import DATA_TYPES
from marketprism.contract.instruments import Exchange, Market


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueFacts:
    """One venue.

    Attributes:
        market: Market of symbols without an expiry.
        data_types: What it delivers.
        symbols: What is collected where nothing is configured.
    """

    name: str
    exchange: Exchange
    market: Market
    ws_url: str
    rest_url: str
    data_types: tuple[str, ...]
    symbols: tuple[str, ...]


_DERIVATIVE = (
    "trade",
    "orderbook",
    "orderbook_delta",
    "funding_rate",
    "open_interest",
    "liquidation",
    "lsr_top_position",
    "lsr_all_account",
)
_SPOT = _DERIVATIVE[:3]

VENUES: dict[str, VenueFacts] = {
    venue.name: venue
    for venue in (
        VenueFacts(
            name="binance-spot",
            exchange=Exchange.BINANCE,
            market=Market.SPOT,
            ws_url="wss://stream.binance.com:9443",
            rest_url="https://api.binance.com",
            data_types=_SPOT,
            symbols=("BTC-USDT", "ETH-USDT"),
        ),
        VenueFacts(
            name="binance-usdm",
            exchange=Exchange.BINANCE,
            market=Market.PERPETUAL,
            ws_url="wss://fstream.binance.com",
            rest_url="https://fapi.binance.com",
            data_types=_DERIVATIVE,
            symbols=("BTC-USDT", "ETH-USDT"),
        ),
        VenueFacts(
            name="okx-spot",
            exchange=Exchange.OKX,
            market=Market.SPOT,
            ws_url="wss://ws.okx.com:8443",
            rest_url="https://www.okx.com",
            data_types=_SPOT,
            symbols=("BTC-USDT", "ETH-USDT"),
        ),
        VenueFacts(
            name="okx-swap",
            exchange=Exchange.OKX,
            market=Market.PERPETUAL,
            ws_url="wss://ws.okx.com:8443",
            rest_url="https://www.okx.com",
            data_types=_DERIVATIVE,
            symbols=("BTC-USDT", "ETH-USDT"),
        ),
        VenueFacts(
            name="deribit",
            exchange=Exchange.DERIBIT,
            market=Market.PERPETUAL,
            ws_url="wss://www.deribit.com",
            rest_url="https://www.deribit.com",
            data_types=(*_DERIVATIVE[:6], "volatility_index"),
            symbols=("BTC-USD", "ETH-USD"),
        ),
    )
}
"""Venues by their name in settings, metrics and messages."""

OPTIONAL = frozenset({"orderbook_delta"})
"""Types that are collected only where the settings name them: about a gigabyte a day for one busy book."""


INDEXED = frozenset({"BTC", "ETH"})
"""Base currencies with a volatility index (docs.deribit.com, "deribit_volatility_index.{index_name}")."""


def default_data_types(venue: str) -> tuple[str, ...]:
    """Return what is collected of a venue where nothing is configured."""
    return tuple(name for name in VENUES[venue].data_types if name not in OPTIONAL)


def market_of(venue: str, symbol: str) -> Market:
    """Return the market of a canonical symbol; one with an expiry is a future."""
    return Market.FUTURE if symbol.count("-") > 1 else VENUES[venue].market


def place(venue: str, data_type: str, symbol: str) -> tuple[Market, str]:
    """Return market and symbol under which a type of a configured symbol is published.

    A volatility index belongs to the base currency, not to one instrument: ``index``, ``BTC-USD``.
    """
    if data_type == "volatility_index":
        return Market.INDEX, f"{symbol.partition('-')[0]}-USD"
    return market_of(venue, symbol), symbol


def has_volatility_index(symbol: str) -> bool:
    """Tell whether there is an index of a canonical symbol's base currency."""
    return symbol.partition("-")[0] in INDEXED


def venue_of(exchange: Exchange, market: Market) -> str:
    """Name the venue whose events are of an exchange's market: futures and indices come with the perpetuals."""
    wanted = Market.SPOT if market is Market.SPOT else Market.PERPETUAL
    return next(name for name, venue in VENUES.items() if venue.exchange is exchange and venue.market is wanted)


def feeds(venue: str, symbols: Iterable[str], data_types: Iterable[str]) -> list[tuple[str, Market, str]]:
    """Return data type, market and symbol of everything that a configured venue keeps fresh; futures pay no funding."""
    symbols = tuple(symbols)
    found = [
        (name, *place(venue, name, symbol))
        for name in data_types
        for symbol in symbols
        if DATA_TYPES[name].freshness_seconds is not None
        and not (name == "funding_rate" and market_of(venue, symbol) is Market.FUTURE)
        and not (name == "volatility_index" and not has_volatility_index(symbol))
    ]
    return list(dict.fromkeys(found))


FILL_CHAINS = frozenset({Exchange.OKX})
"""Exchanges whose contiguous trade ids are those of fills, many to a row: ``first_fill_id`` to ``last_fill_id``.
Elsewhere each row of one kind is one ``trade_id``."""

CONTIGUOUS_BOOKS = frozenset({(Exchange.BINANCE, Market.SPOT)})
"""Where each change of a book begins one id after the last of the change before. Elsewhere ids jump, and the links that
the collector followed are not stored: there the ledger and the reason of the snapshots tell where a book started anew.
"""
