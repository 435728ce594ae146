"""What an adapter tells a book: changes, whole images and independent witnesses.

Ids are the exchange's. Levels keep the exchange's own text.
"""

import msgspec

from marketprism.contract.instruments import Instrument


class BookDelta(msgspec.Struct, frozen=True, gc=False):
    """Changed levels of one book.

    Attributes:
        first_id: First update id covered.
        last_id: Last update id covered.
        prev_id: Last id of the delta before, where the venue names it; else None and ids are contiguous.
        bids: Price and new quantity, as sent; a quantity of zero deletes the level.
        asks: Likewise.
        checksum: CRC-32 of the best levels after the change, where the venue sends one.
    """

    instrument: Instrument
    first_id: int
    last_id: int
    prev_id: int | None
    timestamp_us: int
    receive_ns: int
    bids: list[tuple[str, str]]
    asks: list[tuple[str, str]]
    checksum: int | None = None


class BookImage(msgspec.Struct, frozen=True, gc=False):
    """A whole book.

    Attributes:
        update_id: Last update id contained.
        timestamp_us: The exchange's time of the book; None where REST gave it, whose answers have no usable one.
        checksum: As in `BookDelta`.
        limit: Levels a side that were asked for; a side with as many may have more. None where all of them come.
    """

    instrument: Instrument
    update_id: int
    receive_ns: int
    bids: list[tuple[str, str]]
    asks: list[tuple[str, str]]
    timestamp_us: int | None = None
    checksum: int | None = None
    limit: int | None = None


class BookTop(msgspec.Struct, frozen=True, gc=False):
    """Best bid and ask after one update id: an independent witness of the book."""

    instrument: Instrument
    update_id: int
    bid: tuple[str, str]
    ask: tuple[str, str]
