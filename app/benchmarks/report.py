"""What a benchmark found, and how it is shown."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a table.

    Attributes:
        name: What was measured.
        unit: Of the values.
        values: One per round.
        ratios: Of a yardstick: how many times ours is as much, round by round.
        target: What is expected of ours; empty for a yardstick.
    """

    name: str
    unit: str
    values: Sequence[float]
    ratios: Sequence[float] = ()
    target: str = ""

    def beaten_by(self, ours: "Row") -> "Row":
        """Return this yardstick with what ours is to it; both were measured in the same rounds."""
        ratios = [own / other for own, other in zip(ours.values, self.values, strict=True)]
        return msgspec.structs.replace(self, ratios=ratios)

    def __str__(self) -> str:
        form = ",.0f" if min(self.values) >= 100 else ".2f"
        text = f"  {self.name:<46} {spread(self.values, form):>34} {self.unit:<16}"
        if self.ratios:
            text += f" ours is {spread(self.ratios, '.2f')} x"
        return f"{text} target: {self.target}" if self.target else text.rstrip()


@dataclass
class Report:
    """Takes what is found and shows it as soon as it is known."""

    write: Callable[[str], object]

    def __post_init__(self) -> None:
        self.tables: dict[str, list[Row]] = {}

    def show(self, title: str, rows: list[Row]) -> None:
        self.tables[title] = rows
        self.write("\n".join(["", title, *map(str, rows)]))


Show = Callable[[str, list[Row]], None]
"""Takes the title of a table and its rows."""


def spread(values: Sequence[float], form: str) -> str:
    """Write minimum / median / maximum, or the value where there is one only."""
    chosen = values if len(values) == 1 else (min(values), statistics.median(values), max(values))
    return " / ".join(format(value, form) for value in chosen)
