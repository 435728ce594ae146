"""Which streams are subscribed to, packed onto as few connections as is safe."""

from collections.abc import Collection, Iterable, Mapping
from urllib.parse import quote

import msgspec

from marketprism.contract.instruments import Instrument
from marketprism.venues.binance.markets import BinanceMarket, Route, has
from marketprism.venues.protocol import Connection

STREAMS_PER_CONNECTION = 200
"""Binance takes 1024, but a connection loses all of them at once. 200 names in one SUBSCRIBE were accepted
(measured on futures in October 2026)."""
LONGEST_QUERY = 4000
"""Characters of stream names in an address. Above, they are subscribed to by a message."""


def connections(
    market: BinanceMarket, instruments: Collection[Instrument], data_types: Collection[str]
) -> list[Connection]:
    """Return the connections for all wanted streams; a route without a wanted one has none.

    A route's connections have its name, and a number where one does not suffice: ``public-1``.
    """
    found = []
    for route in market.routes:
        streams = {each.name: _streams(route, each, data_types) for each in instruments}
        packs = _packs(streams)
        has_books = "orderbook" in route.streams and any(name.startswith("orderbook") for name in data_types)
        for number, pack in enumerate(packs, 1):
            name = route.name if len(packs) == 1 else f"{route.name}-{number}"
            found.append(_connection(market, route, name, pack, tuple(pack) if has_books else ()))
    return found


def _streams(route: Route, instrument: Instrument, data_types: Iterable[str]) -> list[str]:
    """Name the streams of one instrument. One in upper case is acknowledged and delivers nothing."""
    suffixes = [
        suffix for data_type in data_types if has(instrument, data_type) for suffix in route.streams.get(data_type, ())
    ]
    return [f"{instrument.name.lower()}@{suffix}" for suffix in dict.fromkeys(suffixes)]


def _packs(streams: Mapping[str, list[str]]) -> list[dict[str, list[str]]]:
    """Divide the streams, keeping those of one instrument together: a book and its witness fail together."""
    packs: list[dict[str, list[str]]] = []
    room = 0
    for name, wanted in streams.items():
        if not wanted:
            continue
        if len(wanted) > room:
            packs.append({})
            room = STREAMS_PER_CONNECTION
        packs[-1][name] = wanted
        room -= len(wanted)
    return packs


def _connection(
    market: BinanceMarket, route: Route, name: str, pack: Mapping[str, list[str]], books: tuple[str, ...]
) -> Connection:
    streams = [stream for each in pack.values() for stream in each]
    query = quote("/".join(streams), safe="/@")
    is_short = len(query) <= LONGEST_QUERY
    subscribe = msgspec.json.encode({"method": "SUBSCRIBE", "params": streams, "id": 1})
    return Connection(
        name,
        f"{route.path}?streams={query}" if is_short else route.path,
        subscribe=() if is_short else (subscribe,),
        books=books,
        max_messages_per_second=market.messages_per_second,
    )
