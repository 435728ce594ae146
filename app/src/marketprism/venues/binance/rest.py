"""What is asked over REST, and how the answers are read."""

from collections.abc import Callable, Collection, Iterable
from functools import partial
from urllib.parse import quote

from marketprism.contract.events import TradeIdKind
from marketprism.contract.instruments import Instrument
from marketprism.venues.binance import books, derivatives, messages, trades
from marketprism.venues.binance.markets import BinanceMarket
from marketprism.venues.protocol import EXPIRED, SECOND_NS, UNREADABLE, Poll, Purpose, Refusal, RestRequest, VenueEvent

TRADES_PER_ANSWER = 1000
_TOO_OLD = -4166
"""Error code of USD-M futures ("Compressed/Aggregate Trades List"): they tell the trades of two days."""
UNWEIGHTED_SECONDS = 0.4
"""Time that one request without weight takes of all such polls: what is under ``/futures/data`` has a limit of its
own, 1000 requests in five minutes of one address, and this uses three quarters of it."""

_Reader = Callable[[bytes, Instrument, int], list[VenueEvent]]
_TRADES: dict[TradeIdKind, _Reader] = {
    TradeIdKind.FILL: trades.read_fills,
    TradeIdKind.AGGREGATE: trades.read_aggregates,
}
_POLLS: dict[str, _Reader] = {
    "open_interest": derivatives.read_open_interest,
    "lsr_top_position": partial(derivatives.read_ratios, "lsr_top_position"),
    "lsr_all_account": partial(derivatives.read_ratios, "lsr_all_account"),
}

_HISTORY: dict[str, _Reader] = {
    "trade": trades.read_aggregates,
    "funding_rate": derivatives.read_funding_history,
    "open_interest": derivatives.read_open_interest_history,
    "lsr_top_position": partial(derivatives.read_ratios, "lsr_top_position"),
    "lsr_all_account": partial(derivatives.read_ratios, "lsr_all_account"),
}


def book(market: BinanceMarket, instrument: Instrument) -> RestRequest:
    """Return the request for a whole book."""
    path = market.depth.path.format(name=quote(instrument.name), count=market.depth_levels)
    return RestRequest(Purpose.BOOK, "orderbook", instrument, path, market.depth.weight)


def missing_trades(market: BinanceMarket, instrument: Instrument, first_id: int, last_id: int) -> RestRequest:
    """Return the request for the first missing trades. Spot keeps all of them, futures those of the last two days."""
    count = min(last_id - first_id + 1, TRADES_PER_ANSWER)
    path = market.trades.path.format(name=quote(instrument.name), first_id=first_id, count=count)
    return RestRequest(
        Purpose.HEAL,
        "trade",
        instrument,
        path,
        market.trades.weight,
        first_id=first_id,
        last_id=first_id + count - 1,
    )


def history(
    market: BinanceMarket, data_type: str, instrument: Instrument, start_us: int, end_us: int
) -> RestRequest | None:
    """Return the request for the past; Binance includes both ends of a stretch of time."""
    endpoint = market.history.get(data_type)
    if endpoint is None:
        return None
    end_us = min(end_us, start_us + endpoint.span_seconds * 1_000_000)
    start_ms, last_ms = start_us // messages.MICROSECONDS, (end_us - 1) // messages.MICROSECONDS
    path = endpoint.path.format(name=quote(instrument.name), start_ms=start_ms, last_ms=last_ms)
    return RestRequest(Purpose.HISTORY, data_type, instrument, path, endpoint.weight, end_us=end_us)


def polls(market: BinanceMarket, instruments: Collection[Instrument], data_types: Iterable[str]) -> list[Poll]:
    """Return the polls of all instruments; those without weight become rarer the more there are."""
    endpoints = {name: market.polls[name] for name in data_types if name in market.polls}
    unweighted = len(instruments) * sum(endpoint.weight == 0 for endpoint in endpoints.values())
    found = []
    for data_type, endpoint in endpoints.items():
        shortest = 0 if endpoint.weight else unweighted * UNWEIGHTED_SECONDS
        interval_ns = int(max(endpoint.interval_seconds, shortest) * SECOND_NS)
        for each in instruments:
            path = endpoint.path.format(name=quote(each.name))
            found.append(Poll(RestRequest(Purpose.POLL, data_type, each, path, endpoint.weight), interval_ns))
    return found


def read(market: BinanceMarket, request: RestRequest, body: bytes, receive_ns: int) -> list[VenueEvent]:
    """Understand an answer. It is used whole or not at all: after a refusal the same is asked for again."""
    assert request.instrument is not None, "only a listing is nobody's, and the directory reads it"
    try:
        events = _reader(market, request)(body, request.instrument, receive_ns)
    except UNREADABLE as error:
        return [_unusable(request, body, error)]
    refusal = next((event for event in events if isinstance(event, Refusal)), None)
    return events if refusal is None else [refusal]


def _reader(market: BinanceMarket, request: RestRequest) -> _Reader:
    match request.purpose:
        case Purpose.BOOK | Purpose.REFRESH:
            return partial(books.read_image, market.depth_levels)
        case Purpose.HEAL:
            return _TRADES[market.trade_ids]
        case Purpose.HISTORY:
            return _HISTORY[request.data_type]
        case _:
            return _POLLS[request.data_type]


def _unusable(request: RestRequest, body: bytes, error: Exception) -> Refusal:
    """Tell an error of the exchange from an answer nobody understands."""
    try:
        failure = messages.decode_failure(body)
    except UNREADABLE:
        return Refusal(f"{request.purpose}_malformed", f"{error}: {body[:200]!r}")
    reason = EXPIRED if failure.code == _TOO_OLD else f"{request.purpose}_refused"
    return Refusal(reason, f"{failure.code} {failure.text[:200]}")
