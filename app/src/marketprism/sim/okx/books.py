"""One order book as subscribers of ``books`` know it: the best 400 levels a side, and the chain of sequence ids.

See https://www.okx.com/docs-v5/en/#order-book-trading-market-data-ws-order-book-channel. A level that falls out of the
best 400 is deleted like one that was cancelled, and one that moves up is sent like a new one.
"""

from collections.abc import Iterable, Mapping
from itertools import chain, islice, zip_longest
from typing import Any
from zlib import crc32

from marketprism.sim.ladder import Side
from marketprism.sim.okx.listings import OkxListing

DEPTH = 400
_CHECKED = 25
_SMALL_ID = 3
"""Where ids start again after maintenance."""

Levels = list[tuple[int, int]]
BookRow = dict[str, Any]


class WindowedBook:
    """What subscribers hold. A `checksum` is added to the CRC32 of the book; None sends the 0 of today.

    Attributes:
        sequence: Sequence id of the last frame.
    """

    def __init__(self, listing: OkxListing) -> None:
        self._listing = listing
        self._bids: dict[int, int] = {}
        self._asks: dict[int, int] = {}
        self._restarted_at = 0
        self.sequence = -1

    def open(self, update_id: int, bids: Levels, asks: Levels) -> None:
        """Take over a book that nobody has followed so far."""
        self._bids, self._asks = dict(bids[:DEPTH]), dict(asks[:DEPTH])
        self.sequence = update_id - self._restarted_at

    def snapshot(self, now_ms: int, *, checksum: int | None = None) -> BookRow:
        """Return the whole book as a subscription starts with it."""
        return self._frame(self._rows(self._asks.items()), self._rows(self._bids.items()), -1, now_ms, checksum)

    def advance(
        self, update_id: int, bids: Side, asks: Side, now_ms: int, *, checksum: int | None = None
    ) -> BookRow | None:
        """Return what has changed since the last frame; None when it is out of the subscribers' sight.

        Both sides are those right after the update that has this id.
        """
        new_bids, new_asks = dict(bids.top(DEPTH)), dict(asks.top(DEPTH))
        asks_changed = self._rows(sorted(_changes(self._asks, new_asks)))
        bids_changed = self._rows(sorted(_changes(self._bids, new_bids), reverse=True))
        if not asks_changed and not bids_changed:
            return None
        self._bids, self._asks = new_bids, new_asks
        previous, self.sequence = self.sequence, update_id - self._restarted_at
        return self._frame(asks_changed, bids_changed, previous, now_ms, checksum)

    def restart(self, update_id: int) -> None:
        """Number frames from small ids again, from the update with this id on."""
        self._restarted_at = update_id - _SMALL_ID

    def keepalive(self, now_ms: int, *, checksum: int | None = None) -> BookRow:
        """Return the empty frame that says: nothing has changed for a minute."""
        return self._frame([], [], self.sequence, now_ms, checksum)

    def touch(self) -> BookRow:
        """Return the best levels, for the truth log."""
        return {"bid": self._texts(self._bids, 1)[0], "ask": self._texts(self._asks, 1)[0]}

    def _frame(
        self, asks: list[list[str]], bids: list[list[str]], previous: int, now_ms: int, by: int | None
    ) -> BookRow:
        crc = 0 if by is None else signed_crc(self._texts(self._bids, _CHECKED), self._texts(self._asks, _CHECKED)) + by
        ids = {"seqId": self.sequence, "prevSeqId": previous}
        return {"asks": asks, "bids": bids, "ts": str(now_ms), "checksum": crc, **ids}

    def _rows(self, levels: Iterable[tuple[int, int]]) -> list[list[str]]:
        """Render price, size, a field that is out of use, and the count of orders, which is made up."""
        price, size = self._listing.price_text, self._listing.size_text
        return [[price(ticks), size(lots), "0", str(1 + lots % 13 if lots else 0)] for ticks, lots in levels]

    def _texts(self, levels: Mapping[int, int], count: int) -> list[tuple[str, str]]:
        price, size = self._listing.price_text, self._listing.size_text
        return [(price(ticks), size(lots)) for ticks, lots in islice(levels.items(), count)]


def signed_crc(bids: list[tuple[str, str]], asks: list[tuple[str, str]]) -> int:
    """Return the CRC32 that OKX sent until June 2026: best 25 bids and asks in turn, as a signed 32-bit number."""
    levels = chain.from_iterable(zip_longest(bids, asks))
    checked = ":".join(text for level in levels if level for text in level)
    value = crc32(checked.encode())
    return value - 2**32 if value >= 2**31 else value


def _changes(old: dict[int, int], new: dict[int, int]) -> Iterable[tuple[int, int]]:
    return chain(new.items() - old.items(), ((price, 0) for price in old.keys() - new.keys()))
