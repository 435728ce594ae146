"""The command ``optimize``."""

import typer

from marketprism import settings as configuration
from marketprism.ops import optimize as optimizing


def optimize() -> None:
    """Make one part of each day that is over, where there are several and the disk has room for it."""
    days = 0
    for outcome in optimizing.optimize(configuration.load()):
        days += 1
        typer.echo(_sentence(outcome))
    typer.echo(f"days that were in several parts: {days}")


def _sentence(outcome: optimizing.Outcome) -> str:
    day = f"{outcome.day}: {outcome.day.parts} parts, {outcome.day.size / 1e6:,.1f} MB"
    if outcome.seconds is None:
        return f"left {day}; the disk lacks {outcome.missing / 1e6:,.1f} MB for it"
    return f"merged {day}, in {outcome.seconds:.1f} s"
