"""Are all trades there? Ids of one instrument and kind are contiguous, so a hole has an exact size."""

from collections import deque
from dataclasses import dataclass
from enum import StrEnum

MAX_HOLES = 100
"""Holes remembered per instrument, to recognise a late trade."""


class Place(StrEnum):
    """Where a trade id stands."""

    NEXT = "next"
    AFTER_HOLE = "after_hole"
    IN_HOLE = "in_hole"
    REPEATED = "repeated"


@dataclass(frozen=True, slots=True)
class Hole:
    """Missing ids, both ends included."""

    first: int
    last: int


class TradeContinuity:
    """The ids of one instrument."""

    __slots__ = ("_holes", "last_id")

    def __init__(self) -> None:
        self.last_id: int | None = None
        self._holes: deque[Hole] = deque(maxlen=MAX_HOLES)

    def place(self, trade_id: int) -> tuple[Place, Hole | None]:
        """Place the next id; a hole comes with `Place.AFTER_HOLE`."""
        last = self.last_id
        if last is None or trade_id == last + 1:
            self.last_id = trade_id
            return Place.NEXT, None
        if trade_id > last:
            hole = Hole(last + 1, trade_id - 1)
            self._holes.append(hole)
            self.last_id = trade_id
            return Place.AFTER_HOLE, hole
        if any(hole.first <= trade_id <= hole.last for hole in self._holes):
            return Place.IN_HOLE, None
        return Place.REPEATED, None
