"""``restore``: a backup becomes the data again; ``drill``: the proof that it would."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

from marketprism.clickhouse_http import ClickHouseHttp
from marketprism.contract.catalog import STREAMS
from marketprism.contract.tables import SCHEMA_VERSIONS
from marketprism.errors import MarketPrismError
from marketprism.ops import backup, snapshots, streams
from marketprism.ops import manifest as manifests
from marketprism.ops.manifest import Manifest
from marketprism.ops.streams import JetStream
from marketprism.settings import Settings

DRILL_SUFFIX = "_drill"
"""Of the scratch databases; only the drill makes and drops databases that end so."""


class RestoreError(MarketPrismError):
    """A backup is damaged, does not hold what it should, or would meet data."""


def restore(settings: Settings, target: Path, backup_id: str | None, *, move_aside: bool, check: bool) -> Manifest:
    """Put tables and streams back as a backup holds them. The services that read and write them must be stopped.

    The server gives a restored stream a new time of creation, hence storage a new epoch: what it is delivered again and
    the tables hold already, it knows by the events' identities.

    Args:
        settings: Name the servers.
        target: Holds the backups.
        backup_id: Which; None takes the newest.
        move_aside: Rename databases with rows to ``<name>_aside_<time>``, and save streams with messages as
            ``jetstream/aside_<time>`` in the target, instead of refusing.
        check: Change nothing; only refuse what would be refused.

    Raises:
        RestoreError: The backup is damaged, there is data and `move_aside` was not given, or rows are not as recorded.
        ConfigurationError: There is no such backup, or the newest is nearly empty and no id was given.
        UnavailableError: A server does not answer or failed.
    """
    chosen = manifests.choose_to_restore(target, backup_id)
    _check_files(target, chosen)
    clickhouse = ClickHouseHttp(settings, "admin")
    held = _rows_held(clickhouse, chosen)
    asyncio.run(_check_streams(settings, chosen, held, move_aside=move_aside))
    if check:
        return chosen
    aside = f"aside_{datetime.now(UTC):{manifests.ID_FORMAT}}"
    for database in backup.present(clickhouse, chosen.tables):
        if any(name.startswith(f"{database}.") for name in held):
            clickhouse.execute(f"RENAME DATABASE {database} TO {database}_{aside}")
    there = backup.present(clickhouse, chosen.tables)
    for database in chosen.tables:
        # An empty database has had its migrations, and says so.
        kept = f" EXCEPT TABLES {database}.{SCHEMA_VERSIONS.name}" if database in there else ""
        backup.run(clickhouse, f"RESTORE DATABASE {database}{kept} FROM File('{target / 'clickhouse' / chosen.id}')")
    _compare(clickhouse, chosen, suffix="")
    asyncio.run(_load_streams(settings, target, chosen, aside))
    return chosen


def drill(settings: Settings, target: Path, backup_id: str | None) -> Manifest:
    """Restore the tables of a backup into scratch databases, compare them with the manifest, and drop them.

    Streams are not rehearsed, because a second stream of the same subjects cannot exist: their files are only hashed.

    Raises:
        RestoreError: The backup is damaged, or does not hold the recorded rows.
        ConfigurationError: There is no such backup.
        UnavailableError: ClickHouse does not answer or failed.
    """
    chosen = manifests.choose(target, backup_id)
    _check_files(target, chosen)
    clickhouse = ClickHouseHttp(settings, "admin")
    scratch = [f"{database}{DRILL_SUFFIX}" for database in chosen.tables]
    what = ", ".join(f"DATABASE {database} AS {database}{DRILL_SUFFIX}" for database in chosen.tables)
    _drop(clickhouse, scratch)
    try:
        backup.run(clickhouse, f"RESTORE {what} FROM File('{target / 'clickhouse' / chosen.id}')")
        _compare(clickhouse, chosen, suffix=DRILL_SUFFIX)
    finally:
        _drop(clickhouse, scratch)
    return chosen


def _check_files(target: Path, chosen: Manifest) -> None:
    damage = manifests.damage(target, chosen)
    if damage:
        raise RestoreError(
            f"backup {chosen.id} is damaged: {', '.join(damage[:5])}{', …' if len(damage) > 5 else ''}",
            remedy="take another one, and check the disk",
        )


def _rows_held(clickhouse: ClickHouseHttp, chosen: Manifest) -> list[str]:
    names = ", ".join(f"'{database}'" for database in chosen.tables)
    rows = clickhouse.rows(
        "SELECT database, name, total_rows FROM system.tables"
        f" WHERE database IN ({names}) AND name != '{SCHEMA_VERSIONS.name}' AND total_rows > 0 ORDER BY database, name"
    )
    return [f"{row['database']}.{row['name']} ({row['total_rows']} rows)" for row in rows]


async def _check_streams(settings: Settings, chosen: Manifest, held: list[str], *, move_aside: bool) -> None:
    async with streams.connect(settings) as jetstream:
        found = {name: await _messages(jetstream, name) for name in STREAMS}
    data = [*held, *(f"stream {name} ({number} messages)" for name, number in found.items() if number)]
    if data and not move_aside:
        raise RestoreError(
            f"backup {chosen.summary} is to be restored, and there is data already: {', '.join(data)}",
            remedy="say --move-aside to keep it under other names and restore beside it",
        )


async def _load_streams(settings: Settings, target: Path, chosen: Manifest, aside: str) -> None:
    async with streams.connect(settings) as jetstream:
        for name in chosen.messages:
            number = await _messages(jetstream, name)
            if number:
                kept = target / "jetstream" / aside
                kept.mkdir(mode=0o700, exist_ok=True)
                await snapshots.save(jetstream, name, kept)
            if number is not None:
                await jetstream.call(f"STREAM.DELETE.{name}")
            saved = target / "jetstream" / chosen.id
            state = await snapshots.load(jetstream, name, saved)
            if not snapshots.is_whole(snapshots.recorded(name, saved), state, await _acknowledged(jetstream, name)):
                raise RestoreError(
                    f"stream {name} holds {state['messages']} messages up to {state['last_seq']}, the backup says"
                    f" {chosen.messages[name]}",
                    remedy="restore again, or take another backup",
                )


async def _messages(jetstream: JetStream, stream: str) -> int | None:
    """Return the number of messages; None where there is no such stream."""
    answer = await jetstream.call(f"STREAM.INFO.{stream}")
    return int(answer["state"]["messages"]) if "state" in answer else None


async def _acknowledged(jetstream: JetStream, stream: str) -> int:
    """Return up to which sequence the stream's consumer has acknowledged; 0 where it has none."""
    answer = await jetstream.call(f"CONSUMER.INFO.{stream}.{STREAMS[stream].consumer}")
    return int(answer["ack_floor"]["stream_seq"]) if "ack_floor" in answer else 0


def _compare(clickhouse: ClickHouseHttp, chosen: Manifest, suffix: str) -> None:
    for database, wanted in chosen.tables.items():
        found = backup.count(clickhouse, f"{database}{suffix}", chosen.settled_before)
        for table, rows in wanted.items():
            if table != SCHEMA_VERSIONS.name and (table not in found or not rows.holds(found[table])):
                raise RestoreError(
                    f"{database}.{table} of backup {chosen.id} is restored as {found.get(table)}, recorded is {rows}",
                    remedy="take another backup now, and keep this one for an inquiry",
                )


def _drop(clickhouse: ClickHouseHttp, scratch: list[str]) -> None:
    for database in scratch:
        clickhouse.execute(f"DROP DATABASE IF EXISTS {database} SYNC")
