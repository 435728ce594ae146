"""Missing ids, and whether the ledger of holes speaks of them. Pure."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

Place = tuple[str, str, str]
"""Exchange, market and symbol."""


@dataclass(frozen=True, slots=True, order=True)
class Hole:
    """Ids that no row has: those between two that rows have.

    Attributes:
        after_id: Last id before it.
        before_id: First id after it.
    """

    after_id: int
    before_id: int

    @property
    def size(self) -> int:
        """Ids missing."""
        return max(0, self.before_id - self.after_id - 1)


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the ledger.

    Attributes:
        is_open: Whether nothing has filled the hole.
    """

    hole: Hole
    is_open: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of the missing ids of one instrument.

    Attributes:
        missing: All of them.
        explained: Those that the ledger knows to be missing.
        contradicted: Those that the ledger says were filled.
    """

    missing: int = 0
    explained: int = 0
    contradicted: int = 0

    @property
    def unexplained(self) -> int:
        """Those that nothing speaks of."""
        return self.missing - self.explained - self.contradicted


def judge_trades(holes: Iterable[Hole], ledger: Collection[Entry]) -> Verdict:
    """Compare missing trades with the ledger, id by id: an open entry explains them, a healed one contradicts them."""
    missing = explained = contradicted = 0
    for hole in holes:
        opened = _covered(hole, [entry.hole for entry in ledger if entry.is_open])
        spoken_of = _covered(hole, [entry.hole for entry in ledger])
        missing += hole.size
        explained += opened
        contradicted += spoken_of - opened
    return Verdict(missing, explained, contradicted)


def judge_changes(holes: Sequence[Hole], ledger: Collection[Entry], restarts: Collection[int]) -> Verdict:
    """Compare missing changes of a book with what says that the book started anew, since no request can fill them.

    Args:
        holes: In order.
        ledger: Entries of the book; each begins where a hole does.
        restarts: Update ids of snapshots that were published because the book had started anew.
    """
    told = {entry.hole.after_id for entry in ledger}
    ends = [hole.after_id for hole in holes[1:]]
    missing = explained = 0
    for index, hole in enumerate(holes):
        end = ends[index] if index < len(ends) else None
        restarted = any(hole.before_id <= each and (end is None or each <= end) for each in restarts)
        missing += hole.size
        explained += hole.size if restarted or hole.after_id in told else 0
    return Verdict(missing, explained)


def subtract(hole: Hole, present: Iterable[tuple[int, int]]) -> list[Hole]:
    """Return what is missing of a hole when some ranges of ids, first and last, are there."""
    rest, after_id = [], hole.after_id
    for first_id, last_id in sorted(present):
        if first_id > after_id + 1:
            rest.append(Hole(after_id, min(first_id, hole.before_id)))
        after_id = max(after_id, last_id)
    rest.append(Hole(after_id, hole.before_id))
    return [each for each in rest if each.size]


def _covered(hole: Hole, others: Iterable[Hole]) -> int:
    left = subtract(hole, [(other.after_id + 1, other.before_id - 1) for other in others])
    return hole.size - sum(each.size for each in left)
