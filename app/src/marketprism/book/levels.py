"""Price levels of one side of a book, ordered, exact."""

import zlib
from bisect import bisect_left, insort
from collections.abc import Iterable

from marketprism.contract.numbers import parse

CHECKSUM_LEVELS = 25
SPARE_KEYS = 1_000
"""Prices remembered beyond twice the number of levels, before all are forgotten."""

Level = tuple[str, str]
"""Price and quantity as the exchange wrote them."""


class Side:
    """One side of a book.

    Levels are found by the price as a scaled integer, so that two spellings of one price are one level, and are given
    back in the exchange's own text.

    Args:
        levels: Price and quantity each, in any order.
        lowest_is_best: As for asks.
    """

    __slots__ = ("_keys", "_levels", "_ranks", "_sign")

    def __init__(self, levels: Iterable[Level] = (), *, lowest_is_best: bool = False) -> None:
        self._sign = -1 if lowest_is_best else 1
        self._levels: dict[int, Level] = {}
        # Ascending, the best one last: most changes are near the best price, and there a list is cheap to change.
        self._ranks: list[int] = []
        # Most prices come again and again: reading one costs several times what looking it up does.
        self._keys: dict[str, int] = {}
        self.apply(levels)

    def __len__(self) -> int:
        return len(self._ranks)

    def apply(self, changes: Iterable[Level]) -> None:
        """Set levels; a quantity of zero deletes, and deleting an unknown level is normal."""
        levels, ranks, keys = self._levels, self._ranks, self._keys
        if len(keys) > 2 * len(levels) + SPARE_KEYS:
            keys.clear()
        for change in changes:
            text, quantity = change
            key = keys.get(text)
            if key is None:
                key = keys[text] = self._sign * parse(text)
            if quantity.strip("0."):
                if key not in levels:
                    insort(ranks, key)
                levels[key] = change
            elif key in levels:
                del levels[key]
                del ranks[bisect_left(ranks, key)]

    def best(self, count: int) -> list[Level]:
        """Return up to `count` levels from the best price onwards."""
        return [self._levels[key] for key in self._ranks[: -count - 1 : -1]]

    @property
    def best_price(self) -> int | None:
        """The best price as a scaled integer."""
        return self._sign * self._ranks[-1] if self._ranks else None


class Levels:
    """Both sides of a book."""

    __slots__ = ("asks", "bids")

    def __init__(self, bids: Iterable[Level] = (), asks: Iterable[Level] = ()) -> None:
        self.bids = Side(bids)
        self.asks = Side(asks, lowest_is_best=True)

    @property
    def is_crossed(self) -> bool:
        """Whether the best bid reaches the best ask, which no sound book does."""
        bid, ask = self.bids.best_price, self.asks.best_price
        return bid is not None and ask is not None and bid >= ask

    def top(self) -> tuple[Level | None, Level | None]:
        """Return the best bid and the best ask."""
        bid, ask = self.bids.best(1), self.asks.best(1)
        return (bid[0] if bid else None, ask[0] if ask else None)

    def checksum(self) -> int:
        """Return OKX's checksum of the best levels: signed CRC-32 of prices and sizes as sent, the sides in turn.

        OKX's page "Order book channel, Checksum" gives the rule; since 2026-06 it sends 0, older recordings carry it.
        """
        bids, asks = self.bids.best(CHECKSUM_LEVELS), self.asks.best(CHECKSUM_LEVELS)
        numbers: list[str] = []
        for index in range(max(len(bids), len(asks))):
            for side in (bids, asks):
                if index < len(side):
                    numbers += side[index]
        unsigned = zlib.crc32(":".join(numbers).encode())
        return unsigned - 2**32 if unsigned >= 2**31 else unsigned
