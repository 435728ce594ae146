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
MAX_FRONT = 1_000
"""Levels kept in order; the better half stays when they are more."""

Level = tuple[str, str]
"""Price and quantity as the exchange wrote them."""


class Side:
    """One side of a book.

    Levels are found by the price's text. A price that was met before costs one look-up, done for a whole message at
    once; its integer is needed when it comes for the first time only. So a level that is emptied stays where it is, for
    it comes back, until there are many. Only the best levels are kept in order: they are what is asked for, and a short
    list changes cheaply.

    A price may change its spelling from one message to another; it stays one level.

    Args:
        levels: Price and quantity each, in any order.
        lowest_is_best: As for asks.
    """

    __slots__ = ("_front", "_levels", "_limit", "_sign", "_texts")

    def __init__(self, levels: Iterable[Level] = (), *, lowest_is_best: bool = False) -> None:
        self._sign = -1 if lowest_is_best else 1
        self._levels: dict[str, str] = {}
        # Prices by rank: the scaled price, so that the best one's is the highest.
        self._texts: dict[int, str] = {}
        # The highest ranks, ascending; every level from the first of them on is here.
        self._front: list[int] = []
        self._limit = 0
        self.apply(levels)

    def apply(self, changes: Iterable[Level]) -> None:
        """Set levels; a quantity of zero deletes, and deleting an unknown level is normal."""
        levels = self._levels
        known = len(levels)
        levels.update(changes)
        if len(levels) > known:
            self._rank(list(islice(reversed(levels), len(levels) - known))[::-1])
            if len(levels) > self._limit:
                self._forget_empty()

    def best(self, count: int) -> list[Level]:
        """Return up to `count` levels from the best price onwards."""
        found = self._best_of_front(count)
        if len(found) < count and len(self._front) < len(self._texts):
            self._front = sorted(self._texts)
            found = self._best_of_front(count)
        return found

    @property
    def best_price(self) -> int | None:
        """The best price as a scaled integer."""
        levels, texts, front = self._levels, self._texts, self._front
        for above, rank in enumerate(reversed(front)):
            if levels[texts[rank]].strip("0."):
                if above > MAX_EMPTY_ABOVE:
                    for empty in front[-above:]:
                        del levels[texts.pop(empty)]
                    del front[-above:]
                return self._sign * rank
        if len(front) == len(texts):
            return None
        self._front = sorted(texts)
        return self.best_price

    def _best_of_front(self, count: int) -> list[Level]:
        levels, texts = self._levels, self._texts
        found: list[Level] = []
        for rank in reversed(self._front):
            text = texts[rank]
            quantity = levels[text]
            if quantity.strip("0."):
                found.append((text, quantity))
                if len(found) == count:
                    break
        return found

    def _rank(self, new: list[str]) -> None:
        texts, front = self._texts, self._front
        for text in new:
            rank = self._sign * parse(text)
            other = texts.get(rank)
            if other is not None:
                del self._levels[other]
            elif not texts or (front and rank > front[0]):
                insort(front, rank)
            texts[rank] = text
        if len(front) > MAX_FRONT:
            del front[: -MAX_FRONT // 2]

    def _forget_empty(self) -> None:
        levels = self._levels
        self._texts = {rank: text for rank, text in self._texts.items() if levels[text].strip("0.")}
        self._levels = {text: levels[text] for text in self._texts.values()}
        self._front = [rank for rank in self._front if rank in self._texts]
        self._limit = 2 * len(self._texts) + MAX_EMPTY


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
