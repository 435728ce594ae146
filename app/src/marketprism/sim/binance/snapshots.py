"""``depth`` and ``exchangeInfo`` over REST."""

from marketprism.sim.binance import frames, metadata
from marketprism.sim.binance.books import Books
from marketprism.sim.binance.queries import (
    Answer,
    BadRequestError,
    Endpoint,
    InvalidSymbolError,
    Query,
    constant,
    limit,
    number,
    symbol,
)
from marketprism.sim.instruments import MarketKind

_SPOT_DEFAULT_LIMIT, _SPOT_LARGEST_LIMIT = 100, 5000
_USDM_DEFAULT_LIMIT = 500
_USDM_WEIGHTS = {5: 2, 10: 2, 20: 2, 50: 2, 100: 5, 500: 10, 1000: 20}


def endpoints(market: MarketKind, books: Books) -> dict[str, Endpoint]:
    """Return the endpoints by name."""
    spot = market is MarketKind.BINANCE_SPOT
    return {
        "exchangeInfo": Endpoint(constant(20 if spot else 1), _exchange_info(market, books)),
        "depth": Endpoint(_spot_weight if spot else _usdm_weight, _depth(market, books), slow=True),
    }


def _exchange_info(market: MarketKind, books: Books) -> Answer:
    def answer(query: Query, now_ms: int) -> bytes:
        listings = books.listings(market)
        if "symbol" in query:
            listings = [each for each in listings if each.symbol == query["symbol"]]
            if not listings:
                raise InvalidSymbolError
        body = metadata.exchange_info(listings, books.delisted(market), now_ms)
        if market is MarketKind.BINANCE_USDM and "symbol" not in query:
            body["symbols"] += metadata.untraded(now_ms)
        return frames.encode(body)

    return answer


def _depth(market: MarketKind, books: Books) -> Answer:
    def answer(query: Query, now_ms: int) -> bytes:
        name = symbol(query)
        snapshot = books.snapshot(market, name, _levels(market, query), now_ms)
        if snapshot is None:
            raise InvalidSymbolError
        return snapshot

    return answer


def _spot_weight(query: Query) -> int:
    levels = number(query.get("limit")) or _SPOT_DEFAULT_LIMIT
    return 5 if levels <= 100 else 25 if levels <= 500 else 50 if levels <= 1000 else 250


def _usdm_weight(query: Query) -> int:
    if "limit" not in query:
        return 1  # measured on the real exchange, documented nowhere: 500 levels for almost nothing
    return _USDM_WEIGHTS.get(number(query["limit"]) or 0, 10)


def _levels(market: MarketKind, query: Query) -> int:
    """Return how many levels a side a client gets."""
    if market is MarketKind.BINANCE_SPOT:
        return limit(query, _SPOT_DEFAULT_LIMIT, _SPOT_LARGEST_LIMIT)
    if "limit" not in query:
        return _USDM_DEFAULT_LIMIT
    levels = number(query["limit"])
    if levels not in _USDM_WEIGHTS:
        raise BadRequestError(-4021, f"'{query['limit']}' is not valid depth limit.")
    return levels
