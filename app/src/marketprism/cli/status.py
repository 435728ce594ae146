"""Commands that look at a running installation: status and health."""

import asyncio
from typing import Annotated

import typer

from marketprism import settings as settings_module
from marketprism.cli import render
from marketprism.ops import full_health
from marketprism.ops import status as status_module

_STATE_STYLE = {"active": "green", "failed": "red", "inactive": "yellow"}


def status(as_json: render.Json = False) -> None:
    """Show what is installed here, whether it runs and how fresh the data is."""
    report = asyncio.run(status_module.gather(settings_module.load()))
    if as_json:
        render.as_json(report.as_json())
    else:
        print_status(report)


def health(
    as_json: render.Json = False,
    full: Annotated[bool, typer.Option("--full", help="Ask the doctor and audit the last week, too; minutes.")] = False,
) -> None:
    """Say what is wrong, if anything; exits 1 then."""
    settings = settings_module.load()
    report = asyncio.run(status_module.gather(settings))
    if full:
        report.problems += asyncio.run(full_health.problems(settings))
    if as_json:
        render.as_json(report.as_json())
    else:
        _print_problems(report)
    if report.problems:
        raise typer.Exit(1)


def print_status(report: status_module.Status) -> None:
    """Print units, ports, tables and problems."""
    out = render.console()
    installation = report.installation
    out.print(
        f"MarketPrism {installation['version']}, inventory {installation['inventory']},"
        f" [bold]{installation['source']}[/bold] data"
    )
    units = render.table("unit", "state", "since", "status")
    for service in report.services:
        style = _STATE_STYLE.get(service.state, "yellow")
        units.add_row(service.unit, f"[{style}]{service.state}[/{style}]", service.since or "", service.detail)
    out.print(units)
    endpoints = render.table("endpoint", "address")
    for name, address in report.endpoints.items():
        endpoints.add_row(name, address)
    out.print(endpoints)
    tables = render.table("table", "rows", "newest row")
    for name, state in report.tables.items():
        age = state.newest_age_seconds
        tables.add_row(name, f"{state.rows:,}", "none" if age is None else f"{age:.1f} s ago")
    out.print(tables)
    feeds = render.table("venue", "data type", "rows/s", "lag", "newest row")
    for feed in report.feeds:
        lag = "" if feed.lag_seconds is None else f"{feed.lag_seconds:.2f} s"
        feeds.add_row(
            feed.venue, feed.data_type, f"{feed.rows_per_second:.1f}", lag, f"{feed.newest_age_seconds:.1f} s ago"
        )
    out.print(feeds)
    _print_problems(report)


def _print_problems(report: status_module.Status) -> None:
    out = render.console()
    if not report.problems:
        out.print("[green]healthy[/green]")
    for problem in report.problems:
        out.print(f"[red]problem[/red] {problem}", soft_wrap=True, highlight=False)
