"""Price levels of one side of a book, ordered, exact."""

import zlib
from bisect import bisect_left
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
        # All prices, scaled and as text, ascending, the best one last: most come near it, where a list changes cheaply.
        self._ranks: list[int] = []
        self._texts: list[str] = []
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
        levels = self._levels
        found: list[Level] = []
        for text in reversed(self._texts):
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
        for above, text in enumerate(reversed(texts)):
            if levels[text].strip("0."):
                rank = ranks[-1 - above]
                if above > MAX_EMPTY_ABOVE:
                    for empty in texts[-above:]:
                        del levels[empty]
                    del ranks[-above:], texts[-above:]
                return self._sign * rank
        return None

    def _rank(self, text: str) -> None:
        ranks, rank = self._ranks, self._sign * parse(text)
        index = bisect_left(ranks, rank)
        if index < len(ranks) and ranks[index] == rank:
            del self._levels[self._texts[index]]
            self._texts[index] = text
        else:
            ranks.insert(index, rank)
            self._texts.insert(index, text)

    def _forget_empty(self) -> None:
        kept = [index for index, text in enumerate(self._texts) if self._levels[text].strip("0.")]
        self._ranks = [self._ranks[index] for index in kept]
        self._texts = [self._texts[index] for index in kept]
        self._levels = {text: self._levels[text] for text in self._texts}
        self._limit = 2 * len(kept) + MAX_EMPTY


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
