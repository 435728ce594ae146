"""One kind of message: how it is decoded, whose it is, and what it says."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from msgspec import Raw

from marketprism.contract.instruments import Instrument
from marketprism.venues.binance.messages import USDM_SYMBOL
from marketprism.venues.protocol import UNREADABLE, Refusal, VenueEvent


class Addressed(Protocol):
    """A message about one symbol."""

    @property
    def symbol(self) -> str:
        """Binance's name of the instrument."""
        ...

    @property
    def symbol_type(self) -> int:
        """Market of the symbol, where a stream mixes several."""
        ...


M = TypeVar("M", bound=Addressed)


@dataclass(frozen=True, slots=True)
class Channel(Generic[M]):
    """One kind of message.

    Attributes:
        name: Begins the reason of its refusals.
        decode: Bytes to message.
        read: Message, its instrument and the time of its receipt to what it says; None where that is nothing.
    """

    name: str
    decode: Callable[[bytes | Raw], M]
    read: Callable[[M, Instrument, int], VenueEvent | None]

    def feed(self, data: bytes | Raw, instruments: Mapping[str, Instrument], receive_ns: int) -> list[VenueEvent]:
        """Understand one message, or refuse it with the reason.

        Args:
            data: The message without its envelope.
            instruments: The subscribed ones by Binance's name.
            receive_ns: When it reached us.
        """
        try:
            message = self.decode(data)
        except UNREADABLE as error:
            return [Refusal(f"{self.name}_malformed", f"{error}: {bytes(data)[:200]!r}")]
        if message.symbol_type != USDM_SYMBOL:
            return [Refusal("market_other", message.symbol[:60])]
        instrument = instruments.get(message.symbol)
        if instrument is None:
            return [Refusal("symbol_unknown", message.symbol[:60])]
        event = self.read(message, instrument, receive_ns)
        return [] if event is None else [event]
