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

    def place(self, first_id: int, last_id: int) -> tuple[Place, Hole | None]:
        """Place the next trade, which covers some ids; a hole comes with `Place.AFTER_HOLE`."""
        before = self.last_id
        if before is None or first_id == before + 1:
            self.last_id = last_id
            return Place.NEXT, None
        if first_id > before:
            hole = Hole(before + 1, first_id - 1)
            self._holes.append(hole)
            self.last_id = last_id
            return Place.AFTER_HOLE, hole
        if any(hole.first <= first_id <= hole.last for hole in self._holes):
            return Place.IN_HOLE, None
        return Place.REPEATED, None
