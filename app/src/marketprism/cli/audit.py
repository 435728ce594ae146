"""The command ``audit``."""

import asyncio
import sys
import time
from typing import Annotated

import typer

from marketprism import settings as configuration
from marketprism.cli import render
from marketprism.cli.moments import moment, utc
from marketprism.ops import audit as auditing
from marketprism.ops.audit import Audit
from marketprism.ops.audit_metrics import metrics_text
from marketprism.ops.sequences import Window

_DELIVERY = ("messages", "stored", "dead_lettered", "repeated", "lost", "unknown", "pending")


def audit(
    since: Annotated[str, typer.Option(help="UTC time, or a duration before now: 2026-01-01T12:00, 6h.")] = "1h",
    as_json: render.Json = False,
    metrics: Annotated[bool, typer.Option("--metrics", help="Print Prometheus text.")] = False,
) -> None:
    """Compare every hop and every sequence with what is stored; exits 1 on any difference."""
    settings = configuration.load()
    now_us = time.time_ns() // 1000
    window = Window(settings.source, moment("--since", since, now_us), now_us)
    found = asyncio.run(auditing.audit(settings, window))
    if metrics:
        sys.stdout.write(metrics_text(found))
    elif as_json:
        render.as_json(found.as_json())
    else:
        _show(found)
        if found.window != window:
            typer.echo(f"older rows may have left the hot database: storage.hot_days is {settings.storage.hot_days}")
    if found.differences:
        raise typer.Exit(1)


def _show(found: Audit) -> None:
    typer.echo(f"{found.window.source} events from {utc(found.window.since_us)} to {utc(found.window.until_us)}")
    hops = "does not answer" if found.collector is None else ", ".join(f"{k} {v}" for k, v in found.collector.items())
    typer.echo(f"collector since its start: {hops}")
    render.rows(
        ("stream", *_DELIVERY),
        [(each.stream, *(str(getattr(each, n)) for n in _DELIVERY)) for each in found.deliveries],
    )
    rows = [
        (
            *line.place,
            line.data_type,
            *map(str, (line.count.stored, line.count.twice, line.count.repeated)),
            *map(str, (line.verdict.missing, line.verdict.explained, line.differences)),
        )
        for line in found.lines
    ]
    columns = ("exchange", "market", "symbol", "type", "rows", "twice", "repeated", "missing", "explained", "wrong")
    render.rows(columns, rows)
    for sentence in found.differences:
        typer.echo(f"differs: {sentence}")
    if not found.differences:
        typer.echo("everything agrees")
