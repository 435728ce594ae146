"""How far a book is known: an image of the best levels says nothing of those beyond, until they change.

"How to manage a local order book correctly" on developers.binance.com gives the rule: levels outside of the snapshot
that do not change are not known.
"""

from collections.abc import Sequence

from marketprism.book.levels import Level
from marketprism.contract.books import BookImage
from marketprism.contract.numbers import parse


class Horizon:
    """The outermost prices of an image.

    Args:
        image: Its levels best first.
    """

    __slots__ = ("_ask", "_bid")

    def __init__(self, image: BookImage) -> None:
        self._bid = _edge(image.bids, image.limit)
        self._ask = _edge(image.asks, image.limit)

    def covers(self, bids: Sequence[Level], asks: Sequence[Level], *, times: int = 1) -> bool:
        """Tell whether every level as far out as these is known.

        Args:
            bids: Of the book, best first.
            asks: Likewise.
            times: So many times the way from the best level to the last one.
        """
        return (self._bid is None or not bids or _reach(bids, times) >= self._bid) and (
            self._ask is None or not asks or _reach(asks, times) <= self._ask
        )


def _edge(levels: Sequence[Level], limit: int | None) -> int | None:
    return None if limit is None or len(levels) < limit else parse(levels[-1][0])


def _reach(levels: Sequence[Level], times: int) -> int:
    best, last = parse(levels[0][0]), parse(levels[-1][0])
    return best + times * (last - best)
