"""What is subscribed to on which connection.

Source: www.okx.com/docs-v5/en, "WebSocket, Subscribe": three connections a second; 480 requests an hour and connection,
each of 64 KB at most with any number of arguments; 30 books a connection as a recommendation. All that 30 instruments
want fits one request many times over.
"""

from collections.abc import Sequence

import msgspec

from marketprism.venues.okx.frames import PING
from marketprism.venues.okx.markets import OkxMarket
from marketprism.venues.protocol import Connection, Send

INSTRUMENTS_PER_CONNECTION = 30
LIQUIDATIONS = "liquidation-orders"
BOOKS = "books"
CHANNELS = {
    "trade": "trades",
    "orderbook": BOOKS,
    "orderbook_delta": BOOKS,
    "funding_rate": "funding-rate",
    "open_interest": "open-interest",
    "liquidation": LIQUIDATIONS,
}
"""Channels by the data type they bring; the ratios have none."""
DATA_TYPES = {channel: data_type for data_type, channel in reversed(CHANNELS.items())}
"""And back; books are named for the whole book."""

_PATH = "/ws/v5/public"
_MESSAGES_PER_SECOND = 3.0


class Subscriptions:
    """The connections of one market.

    Args:
        market: Says which liquidations are wanted.
        names: OKX's names of the instruments.
        data_types: What is wanted of each.
    """

    def __init__(self, market: OkxMarket, names: Sequence[str], data_types: Sequence[str]) -> None:
        self._market = market
        self.channels = tuple(dict.fromkeys(CHANNELS[each] for each in data_types if each in CHANNELS))
        self._groups = _groups(names) if self.channels else {}
        self._home = {name: connection for connection, group in self._groups.items() for name in group}

    def connections(self) -> list[Connection]:
        """Return the WebSockets to hold open; liquidations, which are told by type, come on the first."""
        return [
            Connection(
                name,
                _PATH,
                subscribe=(_message("subscribe", arguments),),
                books=group if BOOKS in self.channels else (),
                ping=PING,
                max_messages_per_second=_MESSAGES_PER_SECOND,
            )
            for position, (name, group) in enumerate(self._groups.items())
            if (arguments := self._arguments(group, first=position == 0))
        ]

    def renew_book(self, name: str) -> list[Send]:
        """Return the messages after which the whole book comes again."""
        connection = self._home[name]
        argument = {"channel": BOOKS, "instId": name}
        return [Send(_message(op, [argument]), connection) for op in ("unsubscribe", "subscribe")]

    def _arguments(self, group: tuple[str, ...], *, first: bool) -> list[dict[str, str]]:
        per_instrument = [channel for channel in self.channels if channel != LIQUIDATIONS]
        arguments = [{"channel": channel, "instId": name} for name in group for channel in per_instrument]
        if first and LIQUIDATIONS in self.channels:
            arguments.append({"channel": LIQUIDATIONS, "instType": self._market.instrument_type})
        return arguments


def _groups(names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    starts = range(0, len(names), INSTRUMENTS_PER_CONNECTION)
    return {
        f"public-{number}": tuple(names[start : start + INSTRUMENTS_PER_CONNECTION])
        for number, start in enumerate(starts, 1)
    }


def _message(op: str, arguments: list[dict[str, str]]) -> bytes:
    return msgspec.json.encode({"op": op, "args": arguments})
