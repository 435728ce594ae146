"""The command that says what is wrong, why, and what to do about it."""

import asyncio
import difflib
import sys
import time
from datetime import UTC, datetime
from typing import Annotated

import typer

from marketprism.cli import render, render_doctor
from marketprism.errors import ConfigurationError
from marketprism.ops.doctor import report, site
from marketprism.ops.doctor.catalogue import PROBLEMS
from marketprism.ops.doctor.gather import Gatherer
from marketprism.ops.doctor.metrics import metrics_text
from marketprism.ops.doctor.texts.languages import Language
from marketprism.ops.doctor.verdict import Diagnosis, judge


def doctor(
    problems: Annotated[list[str] | None, typer.Argument(help="Ask for these alone; without any, for all.")] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, with --watch one a line.")] = False,
    metrics: Annotated[bool, typer.Option("--metrics", help="Print Prometheus text.")] = False,
    watch: Annotated[bool, typer.Option(help="Look again and again until Ctrl-C.")] = False,
    interval: Annotated[float, typer.Option(help="Seconds between two looks.", min=1)] = 60.0,
    lang: Annotated[Language, typer.Option(help="Language of the report.")] = Language.ENGLISH,
) -> None:
    """Find what is wrong and why; exits 0 healthy, 1 degraded, 2 broken. Changes nothing."""
    wanted = _known(problems or [])
    if watch:
        _watch(wanted, interval, lang, as_json=as_json)
    diagnosis = _look(Gatherer(), wanted)
    if metrics:
        sys.stdout.write(metrics_text(diagnosis))
    elif as_json:
        render.as_json(report.as_json(diagnosis, lang))
    else:
        render_doctor.show(diagnosis, lang)
    raise typer.Exit(diagnosis.exit_code)


def _look(gatherer: Gatherer, wanted: list[str]) -> Diagnosis:
    return judge(asyncio.run(gatherer.gather(site.find())), wanted)


def _watch(wanted: list[str], interval: float, lang: Language, *, as_json: bool) -> None:
    """Print the whole verdict when it changes, and otherwise one line."""
    gatherer, before = Gatherer(), None
    while True:
        started = time.monotonic()
        diagnosis = _look(gatherer, wanted)
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        if as_json:
            render.as_json({"at": at, **report.as_json(diagnosis, lang)}, indent=None)
        elif (now := (diagnosis.state, [finding.problem for finding in diagnosis.roots])) != before:
            before = now
            typer.echo(at)
            render_doctor.show(diagnosis, lang)
        else:
            typer.echo(f"{at} {report.summary(diagnosis, lang)}")
        time.sleep(max(0.0, interval - (time.monotonic() - started)))


def _known(names: list[str]) -> list[str]:
    for name in names:
        if name not in PROBLEMS:
            near = difflib.get_close_matches(name, PROBLEMS, n=1)
            remedy = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(PROBLEMS)}"
            raise ConfigurationError(f"unknown problem {name!r}", remedy=remedy)
    return names
