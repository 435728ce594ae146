"""Price levels of one side of a book, ordered, exact."""

import zlib
from bisect import bisect_left, insort
from collections.abc import Iterable

from marketprism.contract.numbers import parse

CHECKSUM_LEVELS = 25

Level = tuple[str, str]
"""Price and quantity as the exchange wrote them."""


class Side:
    """One side of a book.

    Levels are found by the price as a scaled integer, so that two spellings of one price are one level, and are given
    back in the exchange's own text.
    """

    __slots__ = ("_levels", "_prices")

    def __init__(self, levels: Iterable[Level] = ()) -> None:
        self._levels: dict[int, Level] = {parse(level[0]): level for level in levels if not is_zero(level[1])}
        self._prices = sorted(self._levels)

    def __len__(self) -> int:
        return len(self._prices)

    def apply(self, changes: Iterable[Level]) -> None:
        """Set levels; a quantity of zero deletes, and deleting an unknown level is normal."""
        levels, prices = self._levels, self._prices
        for change in changes:
            price = parse(change[0])
            if is_zero(change[1]):
                if levels.pop(price, None) is not None:
                    del prices[bisect_left(prices, price)]
            else:
                if price not in levels:
                    insort(prices, price)
                levels[price] = change

    def lowest(self, count: int) -> list[Level]:
        """Return up to `count` levels from the lowest price upwards."""
        return [self._levels[price] for price in self._prices[:count]]

    def highest(self, count: int) -> list[Level]:
        """Return up to `count` levels from the highest price downwards."""
        return [self._levels[price] for price in self._prices[: -count - 1 : -1]]

    @property
    def lowest_price(self) -> int | None:
        """The lowest price as a scaled integer."""
        return self._prices[0] if self._prices else None

    @property
    def highest_price(self) -> int | None:
        """The highest price as a scaled integer."""
        return self._prices[-1] if self._prices else None


def is_zero(quantity: str) -> bool:
    """Tell whether a decimal text means zero."""
    return quantity[0] == "0" and not quantity.strip("0.")


class Levels:
    """Both sides of a book."""

    __slots__ = ("asks", "bids")

    def __init__(self, bids: Iterable[Level] = (), asks: Iterable[Level] = ()) -> None:
        self.bids = Side(bids)
        self.asks = Side(asks)

    @property
    def is_crossed(self) -> bool:
        """Whether the best bid reaches the best ask, which no sound book does."""
        bid, ask = self.bids.highest_price, self.asks.lowest_price
        return bid is not None and ask is not None and bid >= ask

    def top(self) -> tuple[Level | None, Level | None]:
        """Return the best bid and the best ask."""
        bid, ask = self.bids.highest(1), self.asks.lowest(1)
        return (bid[0] if bid else None, ask[0] if ask else None)

    def checksum(self) -> int:
        """Return OKX's checksum of the best levels: signed CRC-32 of prices and sizes as sent, the sides in turn.

        OKX's page "Order book channel, Checksum" gives the rule; since 2026-06 it sends 0, older recordings carry it.
        """
        bids, asks = self.bids.highest(CHECKSUM_LEVELS), self.asks.lowest(CHECKSUM_LEVELS)
        numbers: list[str] = []
        for index in range(max(len(bids), len(asks))):
            for side in (bids, asks):
                if index < len(side):
                    numbers += side[index]
        unsigned = zlib.crc32(":".join(numbers).encode())
        return unsigned - 2**32 if unsigned >= 2**31 else unsigned
