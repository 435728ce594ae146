"""``marketprism dead-letters``: messages that storage could not store."""

import asyncio
import base64
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any, TypeVar

import typer
from rich.markup import escape

from marketprism import settings as configuration
from marketprism.cli import render
from marketprism.errors import ConfigurationError
from marketprism.ops import dead_letters as ops
from marketprism.ops import streams
from marketprism.ops.streams import JetStream

dead_letters = typer.Typer(help="Messages that could not be stored, with the reason.", no_args_is_help=True)

Sequences = Annotated[list[int] | None, typer.Argument(metavar="SEQUENCE...", help="As `list` shows them.")]
All = Annotated[bool, typer.Option("--all", help="Every letter that is there now.")]
T = TypeVar("T")


@dead_letters.command("list")
def list_letters(
    *,
    limit: Annotated[int, typer.Option(min=1, help="Letters shown, oldest first.")] = 1000,
    as_json: render.Json = False,
) -> None:
    """List what was laid aside: place, time, subject, size and reason."""

    async def read(jetstream: JetStream) -> list[ops.Letter]:
        found: list[ops.Letter] = []
        async for letter in ops.letters(jetstream):
            found.append(letter)
            if len(found) == limit:
                break
        return found

    found = _with_jetstream(read)
    if as_json:
        render.as_json([_facts(letter) for letter in found])
    else:
        _print(found)


@dead_letters.command()
def show(sequence: Annotated[int, typer.Argument(help="As `list` shows it.")], *, as_json: render.Json = False) -> None:
    """Print one letter's original bytes; with --json the reason and everything else too."""

    async def read(jetstream: JetStream) -> tuple[ops.Letter, bytes]:
        letter = await ops.letter(jetstream, sequence)
        return letter, await ops.original(jetstream, letter)

    letter, payload = _with_jetstream(read)
    if as_json:
        text = payload.decode(errors="replace")
        render.as_json({**_facts(letter), "payload": text, "payload_base64": base64.b64encode(payload).decode()})
    else:
        sys.stderr.write(
            f"{letter.time} {letter.subject} ({letter.stream} {letter.stream_sequence})\n{letter.reason}\n"
        )
        sys.stdout.buffer.write(payload + b"\n")


@dead_letters.command()
def retry(sequences: Sequences = None, *, everything: All = False, as_json: render.Json = False) -> None:
    """Publish letters again where they came from; one that fails again becomes a new letter."""
    _each(ops.retry, sequences, everything=everything, as_json=as_json, done="published again")


@dead_letters.command()
def drop(
    sequences: Sequences = None,
    *,
    everything: All = False,
    yes: Annotated[bool, typer.Option("--yes", help="Confirm: what is dropped is gone for good.")] = False,
    as_json: render.Json = False,
) -> None:
    """Remove letters for good."""
    if not yes:
        raise ConfigurationError("dropping dead letters loses their events for good", remedy="confirm it with --yes")
    _each(ops.drop, sequences, everything=everything, as_json=as_json, done="dropped")


def _each(
    act: Callable[[JetStream, list[int]], Awaitable[None]],
    sequences: list[int] | None,
    *,
    everything: bool,
    as_json: bool,
    done: str,
) -> None:
    if bool(sequences) == everything:
        raise ConfigurationError("no letters are named", remedy="name their sequences, or say --all instead")

    async def run(jetstream: JetStream) -> list[int]:
        chosen = sequences or [letter.sequence async for letter in ops.letters(jetstream)]
        await act(jetstream, chosen)
        return chosen

    chosen = _with_jetstream(run)
    if as_json:
        render.as_json({"sequences": chosen, "done": done})
    else:
        typer.echo(f"{len(chosen)} {done}")


def _with_jetstream(use: Callable[[JetStream], Awaitable[T]]) -> T:
    async def run() -> T:
        async with streams.connect(configuration.load()) as jetstream:
            return await use(jetstream)

    return asyncio.run(run())


def _facts(letter: ops.Letter) -> dict[str, Any]:
    return {
        "sequence": letter.sequence,
        "time": letter.time,
        "stream": letter.stream,
        "stream_sequence": letter.stream_sequence,
        "subject": letter.subject,
        "reason": letter.reason,
        "bytes": letter.omitted_bytes or len(letter.payload),
    }


def _print(found: Sequence[ops.Letter]) -> None:
    out = render.console()
    if not found:
        out.print("no dead letters")
        return
    table = render.table("letter", "laid aside", "subject", "bytes", "reason")
    for letter in found:
        size = letter.omitted_bytes or len(letter.payload)
        table.add_row(str(letter.sequence), letter.time, letter.subject, f"{size:,}", escape(letter.reason))
    out.print(table)
