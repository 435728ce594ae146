"""The command ``probe``."""

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from marketprism import settings as settings_module
from marketprism.cli import render
from marketprism.collector import probe as probing
from marketprism.contract.venues import VENUES
from marketprism.errors import ConfigurationError
from marketprism.telemetry import logs


def probe(
    venue: Annotated[str, typer.Argument(help=f"{', '.join(VENUES)}; its addresses come from the settings.")],
    seconds: Annotated[float, typer.Option(help="How long to listen.", min=1)] = 60.0,
    keep: Annotated[
        Path | None, typer.Option(help="New file, .gz or .zst, that keeps all frames if some were refused.")
    ] = None,
    as_json: render.Json = False,
) -> None:
    """Listen to all that a venue delivers; say what came, what did not and what was refused. Nothing is stored."""
    settings = settings_module.load()
    logs.configure("ERROR")  # what is in the way is told at the end, once
    if venue not in settings.venues:
        raise ConfigurationError(f"venue {venue!r} is unknown", remedy=f"known are {', '.join(settings.venues)}")
    found = asyncio.run(probing.probe(venue, settings.venues[venue], settings.collector, seconds, keep))
    if as_json:
        render.as_json(asdict(found))
    else:
        _show(found)
    if found.refused or found.causes or not found.frames:
        raise typer.Exit(1)


def _show(found: probing.Probe) -> None:
    render.rows(
        ("data type", "symbol", "events", "first after"),
        [(feed.data_type, feed.symbol, str(feed.events), _seconds(feed.first_seconds)) for feed in found.feeds],
    )
    typer.echo(f"{found.venue}: {found.frames} frames in {found.seconds:g} s, {sum(found.gaps.values())} gaps")
    if found.clock_skew_seconds is not None:
        typer.echo(f"our clock minus the venue's: {found.clock_skew_seconds:+.3f} s")
    for each in found.answers:
        typer.echo(f"{each.question} {each.answer}")
    for reason, count in sorted(found.refused.items()):
        typer.echo(f"refused: {count} times {reason}")
    for cause in found.causes:
        typer.echo(f"problem: {cause}")
    if found.recording is not None:
        typer.echo(f"the frames are kept in {found.recording}")


def _seconds(value: float | None) -> str:
    return "nothing came" if value is None else f"{value:.1f} s"
