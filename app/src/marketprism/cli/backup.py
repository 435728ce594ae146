"""The commands ``backup``, ``restore`` and ``drill``."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from marketprism import settings as configuration
from marketprism.cli import render
from marketprism.ops import backup as backups
from marketprism.ops import restore as restoring
from marketprism.ops.manifest import Manifest

Target = Annotated[Path, typer.Argument(help="Directory of the backups, with its clickhouse and jetstream.")]
Which = Annotated[str | None, typer.Option("--id", help="Which backup; the newest without it.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object: id, base, rows, messages, files, removed.")]


def backup(
    target: Target,
    full_every_days: Annotated[int, typer.Option(min=1, help="Days between full backups; others are incremental.")] = 7,
    keep_days: Annotated[int, typer.Option(min=1, help="Age in days from which a backup is removed.")] = 28,
    as_json: Json = False,
) -> None:
    """Back up tables and streams while everything runs."""
    made, removed = backups.make(
        configuration.load(), target.resolve(), full_every_days=full_every_days, keep_days=keep_days
    )
    _show("made", made, removed, as_json=as_json)


def restore(
    target: Target,
    backup_id: Which = None,
    move_aside: Annotated[
        bool, typer.Option("--move-aside", help="Keep data that is there under other names.")
    ] = False,
    check: Annotated[bool, typer.Option("--check", help="Change nothing; only refuse what would be refused.")] = False,
    as_json: Json = False,
) -> None:
    """Put a backup back; the services must be stopped (playbooks/restore.yml does it all)."""
    done = restoring.restore(configuration.load(), target.resolve(), backup_id, move_aside=move_aside, check=check)
    _show("can be restored" if check else "restored", done, [], as_json=as_json)


def drill(target: Target, backup_id: Which = None, as_json: Json = False) -> None:
    """Restore a backup's tables beside the real ones, compare, and drop them again."""
    _show("sound", restoring.drill(configuration.load(), target.resolve(), backup_id), [], as_json=as_json)


def _show(verdict: str, manifest: Manifest, removed: list[str], *, as_json: bool) -> None:
    rows = {f"{d}.{t}": count.most for d, tables in manifest.tables.items() for t, count in tables.items()}
    if as_json:
        render.as_json(
            {"id": manifest.id, "base": manifest.base, "rows": rows, "messages": manifest.messages}
            | {"files": len(manifest.files), "bytes": manifest.size, "removed": removed}
        )
        return
    sys.stdout.write(f"{verdict}: {manifest.summary}{f' (on {manifest.base})' if manifest.base else ''}\n")
    for name, number in {**rows, **manifest.messages}.items():
        sys.stdout.write(f"  {name:35} {number:>15,}\n")
    for name in removed:
        sys.stdout.write(f"removed: {name}\n")
