"""The book's independent witness: a best bid and ask with the same update id describes the same state."""

from dataclasses import dataclass

from marketprism.book.levels import Level, Levels
from marketprism.contract.books import BookTop
from marketprism.contract.numbers import parse

MAX_PENDING = 10_000
"""Tops that wait for their delta; tops are only ever ahead of the book by one delta's time (100 ms)."""


@dataclass(slots=True)
class BookChecks:
    """How often the book was compared with the exchange's own best bid and ask, and how often it was crossed."""

    compared: int = 0
    equal: int = 0
    crossed: int = 0


class Witness:
    """Compares one book with the tops of its stream.

    Args:
        checks: Counters, shared by all books of a feed.
    """

    __slots__ = ("_checks", "_pending")

    def __init__(self, checks: BookChecks) -> None:
        self._checks = checks
        self._pending: dict[int, BookTop] = {}

    def feed_top(self, top: BookTop, book_id: int | None, levels: Levels) -> None:
        """Take a top: it is compared now when the book stands at its id, or kept until it does."""
        if book_id is not None and top.update_id <= book_id:
            if top.update_id == book_id:
                self._compare(top, levels)
            return
        if len(self._pending) >= MAX_PENDING:
            self._pending.clear()
        self._pending[top.update_id] = top

    def applied(self, book_id: int, levels: Levels) -> None:
        """Compare after a delta; tops that the book has passed are forgotten."""
        self._checks.crossed += levels.is_crossed
        top = self._pending.get(book_id)
        if top is not None:
            self._compare(top, levels)
        if self._pending:
            self._pending = {key: value for key, value in self._pending.items() if key > book_id}

    def _compare(self, top: BookTop, levels: Levels) -> None:
        self._checks.compared += 1
        bid, ask = levels.top()
        self._checks.equal += _is_same(bid, top.bid) and _is_same(ask, top.ask)


def _is_same(ours: Level | None, theirs: Level) -> bool:
    return ours is not None and parse(ours[0]) == parse(theirs[0]) and parse(ours[1]) == parse(theirs[1])
