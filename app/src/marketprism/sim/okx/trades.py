"""Fills of the past over REST, newest first, by id: what heals a hole in the trades of a client.

See https://www.okx.com/docs-v5/en/#order-book-trading-market-data-get-trades-history.
"""

from collections.abc import Mapping

from marketprism.sim.okx import frames, queries, refusals
from marketprism.sim.okx.instrument import Instrument
from marketprism.sim.okx.queries import Endpoint, Query, Rows

_MOST_OF_HISTORY, _MOST_OF_NEWEST = 100, 500
_BY_ID = "1"


def endpoints(instruments: Mapping[str, Instrument]) -> dict[str, Endpoint]:
    """Return the endpoints of trades."""
    return {
        "market/history-trades": Endpoint(20, lambda query, _now_ms: _history(query, instruments)),
        "market/trades": Endpoint(100, lambda query, _now_ms: _newest(query, instruments)),
    }


def _history(query: Query, instruments: Mapping[str, Instrument]) -> Rows:
    """Return fills whose ids are smaller than `after` and larger than `before`."""
    found = queries.instrument(query, instruments)
    if query.get("type", _BY_ID) != _BY_ID:
        raise refusals.wrong("type")
    most = queries.limit(query, _MOST_OF_HISTORY)
    after, before = queries.number(query, "after"), queries.number(query, "before")
    fills = found.market.tape.fills
    if after is not None:
        printed = [each for each in fills.since(after - most, most) if each.trade.trade_id < after]
    else:
        printed = fills.latest(most)
    kept = [each for each in printed if before is None or each.trade.trade_id > before]
    return [frames.fill(found.listing, each.trade, each.at_ms) for each in reversed(kept)]


def _newest(query: Query, instruments: Mapping[str, Instrument]) -> Rows:
    found = queries.instrument(query, instruments)
    printed = found.market.tape.fills.latest(queries.limit(query, _MOST_OF_NEWEST))
    return [frames.fill(found.listing, each.trade, each.at_ms) for each in reversed(printed)]
