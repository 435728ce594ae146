"""The exchange's own order book: two sorted sides of price levels, in ticks and lots."""

from bisect import bisect_left, insort
from collections.abc import Iterable


class Side:
    """One side of a book, best level first.

    Keys are prices for asks and negated prices for bids, so that the best level is the first of both.
    """

    __slots__ = ("_keys", "_lots", "_sign")

    def __init__(self, sign: int, levels: Iterable[tuple[int, int]] = ()) -> None:
        self._sign = sign
        self._lots = {sign * price: lots for price, lots in levels}
        self._keys = sorted(self._lots)

    def __len__(self) -> int:
        return len(self._keys)

    @property
    def best(self) -> int:
        """Best price in ticks."""
        return self._sign * self._keys[0]

    @property
    def best_lots(self) -> int:
        """Quantity at the best price."""
        return self._lots[self._keys[0]]

    def lots_at(self, price: int) -> int:
        """Return the quantity at a price; zero where there is no level."""
        return self._lots.get(self._sign * price, 0)

    def behind(self, ticks: int) -> int:
        """Return the price that lies `ticks` behind the best one (negative: in front of it)."""
        return self._sign * (self._keys[0] + ticks)

    def price_at(self, index: int) -> int:
        """Return the price of the level at this place, counted from the best; -1 is the worst."""
        return self._sign * self._keys[index]

    def put(self, price: int, lots: int) -> None:
        """Set the quantity at a price; zero removes the level, also one that is not there."""
        key = self._sign * price
        if not lots:
            if self._lots.pop(key, None) is not None:
                del self._keys[bisect_left(self._keys, key)]
            return
        if key not in self._lots:
            insort(self._keys, key)
        self._lots[key] = lots

    def top(self, count: int | None = None) -> list[tuple[int, int]]:
        """Return price and quantity of the best `count` levels, or of all."""
        return [(self._sign * key, self._lots[key]) for key in self._keys[:count]]
