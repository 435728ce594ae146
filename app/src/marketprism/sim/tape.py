"""What was traded lately, so that a venue can answer for the past and a client can heal a hole."""

from bisect import bisect_left
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Generic, TypeVar

from marketprism.sim.facts import Aggregate, Fact, Fill

_Trade = TypeVar("_Trade", Fill, Aggregate)


@dataclass(frozen=True, slots=True)
class Printed(Generic[_Trade]):
    """One trade and when it was published."""

    trade: _Trade
    at_ms: int


class Reel(Generic[_Trade]):
    """The last trades of one kind, by ids without a hole.

    Args:
        most: How many are remembered.
    """

    def __init__(self, most: int) -> None:
        self._trades: deque[Printed[_Trade]] = deque(maxlen=most)
        self._last_id = 0

    def add(self, number: int, trade: _Trade, at_ms: int) -> None:
        """Remember the trade of the next id."""
        self._trades.append(Printed(trade, at_ms))
        self._last_id = number

    def since(self, number: int, count: int) -> list[Printed[_Trade]]:
        """Return trades from an id on, oldest first; from the oldest remembered one where the id is older."""
        first_id = self._last_id - len(self._trades) + 1
        return list(self._slice(max(0, number - first_id), count))

    def latest(self, count: int) -> list[Printed[_Trade]]:
        """Return the newest trades, oldest first."""
        return list(self._slice(max(0, len(self._trades) - count), count))

    def between(self, start_ms: int, end_ms: int, count: int) -> list[Printed[_Trade]]:
        """Return trades published in a span of time, both ends included, oldest first."""
        place = bisect_left(self._trades, start_ms, key=lambda each: each.at_ms)
        return [each for each in self._slice(place, count) if each.at_ms <= end_ms]

    def _slice(self, start: int, count: int) -> Iterator[Printed[_Trade]]:
        return islice(self._trades, start, start + count)


class Tape:
    """Fills and aggregates of one market.

    Args:
        most: How many of each are remembered.
    """

    def __init__(self, most: int) -> None:
        self.fills: Reel[Fill] = Reel(most)
        self.aggregates: Reel[Aggregate] = Reel(most)

    def note(self, fact: Fact, at_ms: int) -> None:
        """Remember a fact that is a trade."""
        if isinstance(fact, Fill):
            self.fills.add(fact.trade_id, fact, at_ms)
        elif isinstance(fact, Aggregate):
            self.aggregates.add(fact.aggregate_id, fact, at_ms)
