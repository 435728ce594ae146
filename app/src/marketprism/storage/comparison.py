"""Rows of the hot and the cold database, compared one by one. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a comparison.

    Attributes:
        key: Hash of what the event is.
        place: Its place in the stream.
        content: Hash of all its columns.
    """

    key: str
    place: str
    content: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """What one minute of the hot tier has that the cold one has not.

    Attributes:
        missing: Keys of events that are not there.
        different: Events that came from the same place in the stream and have other values, or are there twice.
    """

    missing: list[str]
    different: int


def compare(hot: Iterable[Row], cold: Iterable[Row]) -> Comparison:
    """Compare row by row.

    An event that is there from another place in the stream was published twice: one is enough.
    """
    there: dict[str, Row] = {}
    different = 0
    for row in cold:
        different += row.key in there
        there[row.key] = row
    missing: dict[str, None] = {}
    for row in hot:
        found = there.get(row.key)
        if found is None:
            missing[row.key] = None
        elif found.place == row.place and found.content != row.content:
            different += 1
    return Comparison(list(missing), different)
