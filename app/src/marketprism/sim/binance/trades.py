"""Past trades over REST, with which a client heals a hole: ``trades``, ``historicalTrades``, ``aggTrades``."""

from marketprism.sim.binance import frames
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
from marketprism.sim.facts import Aggregate, Fill
from marketprism.sim.floor import Floor
from marketprism.sim.instruments import Listing, MarketKind, Step
from marketprism.sim.market import Market
from marketprism.sim.tape import Printed
from marketprism.sim.venue import Frame

_DEFAULT_LIMIT, _LARGEST_LIMIT = 500, 1000
_TWO_DAYS_MS = 48 * 3_600_000
_SHOWN = 8


def endpoints(floor: Floor, market: MarketKind) -> dict[str, Endpoint]:
    """Return the endpoints by name; older single trades of futures need an API key and are not served."""
    if market is MarketKind.BINANCE_SPOT:
        return {
            "trades": Endpoint(constant(25), _fills(floor, market, past=False)),
            "historicalTrades": Endpoint(constant(25), _fills(floor, market, past=True)),
            "aggTrades": Endpoint(constant(4), _aggregates(floor, market)),
        }
    return {
        "trades": Endpoint(constant(5), _fills(floor, market, past=False)),
        "aggTrades": Endpoint(constant(20), _aggregates(floor, market)),
    }


def _fills(floor: Floor, market: MarketKind, *, past: bool) -> Answer:
    def answer(query: Query, _now_ms: int) -> bytes:
        found, rows = _market(floor, market, query), limit(query, _DEFAULT_LIMIT, _LARGEST_LIMIT)
        first = number(query.get("fromId")) if past else None
        reel = found.tape.fills
        printed = reel.latest(rows) if first is None else reel.since(first, rows)
        return frames.encode([_fill(found.listing, each) for each in printed])

    return answer


def _aggregates(floor: Floor, market: MarketKind) -> Answer:
    def answer(query: Query, now_ms: int) -> bytes:
        found, rows = _market(floor, market, query), limit(query, _DEFAULT_LIMIT, _LARGEST_LIMIT)
        first, start, end = (number(query.get(name)) for name in ("fromId", "startTime", "endTime"))
        if first is not None and (start is not None or end is not None):
            raise BadRequestError(-1128, "Combination of optional parameters invalid.")
        if market is MarketKind.BINANCE_USDM and start is not None and start < now_ms - _TWO_DAYS_MS:
            raise BadRequestError(-4166, "Search window is restricted to recent 2 days only.")
        reel = found.tape.aggregates
        if first is not None:
            printed = reel.since(first, rows)
        elif start is None and end is None:
            printed = reel.latest(rows)
        else:
            # the wire dates a trade one millisecond before its event
            printed = reel.between((start or 0) + 1, (now_ms if end is None else end) + 1, rows)
        return frames.encode([_aggregate(found.listing, each) for each in printed])

    return answer


def _market(floor: Floor, market: MarketKind, query: Query) -> Market:
    found = floor.market(market, symbol(query))
    if found is None:
        raise InvalidSymbolError
    return found


def _fill(about: Listing, printed: Printed[Fill]) -> Frame:
    fill, digits = printed.trade, about.tick.digits + about.lot.digits
    row: Frame = {
        "id": fill.trade_id,
        "price": about.tick.text(fill.price),
        "qty": about.lot.text(fill.lots),
        "quoteQty": Step(digits, max(digits, _SHOWN)).text(fill.price * fill.lots),
        "time": printed.at_ms - 1,
        "isBuyerMaker": fill.buyer_is_maker,
    }
    return row | {"isBestMatch": True} if about.market is MarketKind.BINANCE_SPOT else row


def _aggregate(about: Listing, printed: Printed[Aggregate]) -> Frame:
    trade = printed.trade
    row: Frame = {
        "a": trade.aggregate_id,
        "p": about.tick.text(trade.price),
        "q": about.lot.text(trade.lots),
        "f": trade.first_id,
        "l": trade.last_id,
        "T": printed.at_ms - 1,
        "m": trade.buyer_is_maker,
    }
    return row | {"M": True} if about.market is MarketKind.BINANCE_SPOT else row
