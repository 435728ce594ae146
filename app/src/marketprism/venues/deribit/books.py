"""``book.{instrument}.100ms``: the whole book first, then changes, each naming the one before it."""

from msgspec import Raw

from marketprism.contract.books import BookDelta, BookImage
from marketprism.contract.instruments import Instrument
from marketprism.errors import ContractError
from marketprism.venues.deribit import decimals, messages
from marketprism.venues.protocol import VenueEvent


class Book:
    """The book of one instrument. Ids are Deribit's change ids: they grow, and jump over those of other instruments."""

    def __init__(self, instrument: Instrument) -> None:
        self._instrument = instrument

    def read(self, data: Raw, receive_ns: int) -> list[VenueEvent]:
        """Understand one message.

        Raises:
            msgspec.DecodeError: It is no book message.
            ContractError: A number cannot be used, or a change does not name the one before.
        """
        message = messages.decode_book(data)
        bids, asks = _levels("bid", message.bids), _levels("ask", message.asks)
        change_id, timestamp_us = message.change_id, message.timestamp_us
        if message.type == "snapshot" or (message.type is None and message.prev_id is None):
            return [BookImage(self._instrument, change_id, receive_ns, bids, asks, timestamp_us)]
        if message.prev_id is None:
            raise ContractError(f"change {change_id} names no change before it", remedy="it is refused and counted")
        return [
            BookDelta(self._instrument, change_id, change_id, message.prev_id, timestamp_us, receive_ns, bids, asks)
        ]


def _levels(side: str, levels: messages.Levels) -> list[tuple[str, str]]:
    return [
        (
            decimals.positive(f"{side} price", price),
            "0" if action == "delete" else decimals.unsigned(f"{side} amount", amount),
        )
        for action, price, amount in levels
    ]
