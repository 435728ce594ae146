"""Results as tables for people or JSON for machines; standard output carries data alone."""

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from marketprism.ops.dead_letters import Letter
from marketprism.ops.status import Status

_UNATTENDED_WIDTH = 200  # of a log or a pipe; rich would take 80 columns and cut names
_STATE_STYLE = {"active": "green", "failed": "red", "inactive": "yellow"}


def as_json(value: Any, indent: int | None = 2) -> None:
    """Print one JSON document; without `indent` on one line."""
    sys.stdout.write(json.dumps(value, indent=indent, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def rows(columns: Sequence[str], values: Iterable[Sequence[str]]) -> None:
    """Print a table of numbers as text, aligned at their ends."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, justify="right")
    for row in values:
        table.add_row(*row)
    console().print(table)


def status(report: Status) -> None:
    """Print units, ports, tables and problems."""
    out = console()
    installation = report.installation
    out.print(
        f"MarketPrism {installation['version']}, inventory {installation['inventory']},"
        f" [bold]{installation['source']}[/bold] data"
    )
    units = _table("unit", "state", "since", "status")
    for service in report.services:
        style = _STATE_STYLE.get(service.state, "yellow")
        units.add_row(service.unit, f"[{style}]{service.state}[/{style}]", service.since or "", service.detail)
    out.print(units)
    endpoints = _table("endpoint", "address")
    for name, address in report.endpoints.items():
        endpoints.add_row(name, address)
    out.print(endpoints)
    tables = _table("table", "rows", "newest row")
    for name, state in report.tables.items():
        age = state.newest_age_seconds
        tables.add_row(name, f"{state.rows:,}", "none" if age is None else f"{age:.1f} s ago")
    out.print(tables)
    feeds = _table("venue", "data type", "rows/s", "lag", "newest row")
    for feed in report.feeds:
        lag = "" if feed.lag_seconds is None else f"{feed.lag_seconds:.2f} s"
        feeds.add_row(
            feed.venue, feed.data_type, f"{feed.rows_per_second:.1f}", lag, f"{feed.newest_age_seconds:.1f} s ago"
        )
    out.print(feeds)
    problems(report)


def problems(report: Status) -> None:
    """Print the verdict, one line per problem."""
    out = console()
    if not report.problems:
        out.print("[green]healthy[/green]")
    for problem in report.problems:
        out.print(f"[red]problem[/red] {problem}", soft_wrap=True, highlight=False)


def letters(found: Sequence[Letter]) -> None:
    """Print dead letters, one line each."""
    out = console()
    if not found:
        out.print("no dead letters")
        return
    table = _table("letter", "laid aside", "subject", "bytes", "reason")
    for letter in found:
        size = letter.omitted_bytes or len(letter.payload)
        table.add_row(str(letter.sequence), letter.time, letter.subject, f"{size:,}", escape(letter.reason))
    out.print(table)


def console() -> Console:
    """Make a console that cuts nothing in a log or a pipe."""
    return Console(width=None if sys.stdout.isatty() else _UNATTENDED_WIDTH)


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, justify="right" if column.startswith("rows") else "left")
    return table
