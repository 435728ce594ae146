"""Results as tables for people or JSON for machines; standard output carries data alone."""

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
"""The option of a command that can print its result with `as_json`."""

_UNATTENDED_WIDTH = 200  # of a log or a pipe; rich would take 80 columns and cut names


def as_json(value: Any, indent: int | None = 2) -> None:
    """Print one JSON document; without `indent` on one line."""
    sys.stdout.write(json.dumps(value, indent=indent, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def rows(columns: Sequence[str], values: Iterable[Sequence[str]]) -> None:
    """Print a table of numbers as text, aligned at their ends."""
    numbers = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        numbers.add_column(column, justify="right")
    for row in values:
        numbers.add_row(*row)
    console().print(numbers)


def console() -> Console:
    """Make a console that cuts nothing in a log or a pipe."""
    return Console(width=None if sys.stdout.isatty() else _UNATTENDED_WIDTH)


def table(*columns: str) -> Table:
    """Make a table without frames; columns of rows are numbers."""
    made = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        made.add_column(column, justify="right" if column.startswith("rows") else "left")
    return made
