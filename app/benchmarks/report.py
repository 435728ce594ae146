"""What a benchmark found, and how it is shown."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table.

    Attributes:
        name: What was measured.
        unit: Of the values.
        values: One per round.
        against: The yardstick of the same rounds; empty where there is none.
        ratios: Ours to the yardstick, round by round.
        target: What is expected of it; empty for a yardstick.
    """

    name: str
    unit: str
    values: Sequence[float]
    against: str = ""
    ratios: Sequence[float] = ()
    target: str = ""

    def __str__(self) -> str:
        small = max(self.values) < 100
        text = f"{self.name:<58} {spread(self.values, '.2f' if small else ',.0f'):>32} {self.unit:<18}"
        if self.ratios:
            text += f" {spread(self.ratios, '.2f'):>22} x {self.against}"
        return f"{text}  (target: {self.target})" if self.target else text.rstrip()

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def compared(ours: Row, yardstick: Row) -> list[Row]:
    """Return the yardstick and ours with its ratios, of values that were measured in the same rounds."""
    ratios = [own / other for own, other in zip(ours.values, yardstick.values, strict=True)]
    named = Row(**(asdict(ours) | {"against": yardstick.name, "ratios": ratios}))
    return [yardstick, named]


def spread(values: Sequence[float], form: str = ",.0f") -> str:
    """Write minimum / median / maximum."""
    return " / ".join(format(value, form) for value in (min(values), statistics.median(values), max(values)))


Show = Callable[[str, list[Row]], None]
"""Takes the title of a comparison and its rows, as soon as they are known."""
