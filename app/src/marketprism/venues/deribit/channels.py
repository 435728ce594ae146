"""The channels that bring the wanted data types, and who reads each."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from msgspec import Raw

from marketprism.contract.instruments import Instrument
from marketprism.contract.venues import has_volatility_index
from marketprism.venues.deribit.books import Book
from marketprism.venues.deribit.instruments import volatility_index
from marketprism.venues.deribit.ticker import Ticker
from marketprism.venues.deribit.trades import Trades
from marketprism.venues.deribit.volatility import Volatility
from marketprism.venues.protocol import VenueEvent

TRADES, BOOK, TICKER, VOLATILITY = "trades", "book", "ticker", "deribit_volatility_index"
INTERVAL = ".100ms"
"""The shortest one that needs no credentials. The volatility index has none: it comes about once a second."""

Read = Callable[[Raw, int], list[VenueEvent]]

_KINDS: dict[str, tuple[tuple[str, ...], Callable[[Instrument, Sequence[str]], Read]]] = {
    TRADES: (("trade", "liquidation"), lambda instrument, wanted: Trades(instrument, wanted).read),
    BOOK: (("orderbook", "orderbook_delta"), lambda instrument, _: Book(instrument).read),
    TICKER: (("funding_rate", "open_interest"), lambda instrument, wanted: Ticker(instrument, wanted).read),
    VOLATILITY: (("volatility_index",), lambda index, _: Volatility(index).read),
}
"""Data types and reader by kind of channel."""


@dataclass(frozen=True, slots=True)
class Channel:
    """One channel.

    Attributes:
        kind: First part of its name.
        topic: Its name without the interval: ``book.BTC-PERPETUAL``.
        data_types: Those of the wanted ones that it brings.
        read: Understands its data; raises `protocol.UNREADABLE` or ContractError for what cannot be used.
    """

    kind: str
    topic: str
    instrument: Instrument
    data_types: tuple[str, ...]
    read: Read

    @property
    def name(self) -> str:
        """Its name in a subscription."""
        return self.topic if self.kind == VOLATILITY else self.topic + INTERVAL


def channels(instruments: Iterable[Instrument], data_types: Iterable[str]) -> list[Channel]:
    """Return what to subscribe to for some data types of some instruments, each channel once."""
    wanted = tuple(data_types)
    found: dict[str, Channel] = {}
    for instrument in instruments:
        for channel in _channels_of(instrument, wanted):
            found.setdefault(channel.topic, channel)
    return list(found.values())


def _channels_of(instrument: Instrument, wanted: tuple[str, ...]) -> Iterator[Channel]:
    for kind, (all_types, reader) in _KINDS.items():
        data_types = tuple(name for name in all_types if name in wanted)
        if data_types and (kind != VOLATILITY or has_volatility_index(instrument.symbol)):
            whose = volatility_index(instrument) if kind == VOLATILITY else instrument
            yield Channel(kind, f"{kind}.{whose.name}", whose, data_types, reader(whose, data_types))
