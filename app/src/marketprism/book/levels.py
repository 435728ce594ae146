"""Price levels of one side of a book, ordered, exact."""

import zlib
from bisect import insort
from collections.abc import Iterable
from itertools import islice

from marketprism.contract.numbers import parse

CHECKSUM_LEVELS = 25
MAX_EMPTY = 1_000
"""Emptied levels kept beyond as many as there are others."""
MAX_EMPTY_ABOVE = 16
"""Emptied levels kept above the best one."""

Level = tuple[str, str]
"""Price and quantity as the exchange wrote them."""


class Side:
    """One side of a book.

    Levels are found by the price's text. A price that was met before costs one look-up, done for a whole message at
    once; its integer and its place among the others are needed when it comes for the first time only. So a level that
    is emptied stays where it is, for it comes back, until there are many.

    A price may change its spelling from one message to another; it stays one level.

    Args:
        levels: Price and quantity each, in any order.
        lowest_is_best: As for asks.
    """

    __slots__ = ("_levels", "_limit", "_ranks", "_sign", "_texts")

    def __init__(self, levels: Iterable[Level] = (), *, lowest_is_best: bool = False) -> None:
        self._sign = -1 if lowest_is_best else 1
        self._levels: dict[str, str] = {}
        # Scaled prices of all levels, ascending, the best one last: most come near it, where a list is cheap to change.
        self._ranks: list[int] = []
        self._texts: dict[int, str] = {}
        self._limit = 0
        self.apply(levels)

    def apply(self, changes: Iterable[Level]) -> None:
        """Set levels; a quantity of zero deletes, and deleting an unknown level is normal."""
        levels = self._levels
        known = len(levels)
        levels.update(changes)
        if len(levels) > known:
            for text in list(islice(reversed(levels), len(levels) - known))[::-1]:
                self._rank(text)
            if len(levels) > self._limit:
                self._forget_empty()

    def best(self, count: int) -> list[Level]:
        """Return up to `count` levels from the best price onwards."""
        levels, texts, ranks = self._levels, self._texts, self._ranks
        found: list[Level] = []
        for rank in reversed(ranks):
            text = texts[rank]
            quantity = levels[text]
            if quantity.strip("0."):
                found.append((text, quantity))
                if len(found) == count:
                    break
        return found

    @property
    def best_price(self) -> int | None:
        """The best price as a scaled integer."""
        levels, texts, ranks = self._levels, self._texts, self._ranks
        for empty, rank in enumerate(reversed(ranks)):
            if not _is_zero(levels[texts[rank]]):
                if empty > MAX_EMPTY_ABOVE:
                    self._forget(ranks[-empty:])
                    del ranks[-empty:]
                return self._sign * rank
        return None

    def _rank(self, text: str) -> None:
        rank = self._sign * parse(text)
        other = self._texts.get(rank)
        if other is None:
            insort(self._ranks, rank)
        else:
            del self._levels[other]
        self._texts[rank] = text

    def _forget(self, ranks: list[int]) -> None:
        for rank in ranks:
            del self._levels[self._texts.pop(rank)]

    def _forget_empty(self) -> None:
        levels, texts = self._levels, self._texts
        self._forget([rank for rank in self._ranks if _is_zero(levels[texts[rank]])])
        self._ranks = [rank for rank in self._ranks if rank in texts]
        self._limit = 2 * len(levels) + MAX_EMPTY


def _is_zero(quantity: str) -> bool:
    return not quantity.strip("0.")


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
