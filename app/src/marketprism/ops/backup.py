"""``backup``: everything that cannot be collected again, into one directory, while everything runs."""

import asyncio
import shutil
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from marketprism.clickhouse_http import ClickHouseHttp
from marketprism.contract.catalog import COLD_DATABASE, HOT_DATABASE, STREAMS
from marketprism.errors import ConfigurationError, UnavailableError
from marketprism.lock import only_one
from marketprism.ops import manifest as manifests
from marketprism.ops import snapshots, streams
from marketprism.ops.manifest import Manifest, Rows
from marketprism.settings import Settings

SETTLING_SECONDS = 30
"""An insert of ours takes less: rows stamped earlier than this are committed or refused."""

_PREPARE = "set backup_dir in the inventory, and let playbooks/repair.yml prepare it"
_POLL_SECONDS = 0.5
_LIMIT_SECONDS = 24 * 3600.0


def make(settings: Settings, target: Path, *, full_every_days: int, keep_days: int) -> tuple[Manifest, list[str]]:
    """Make one backup, after what failed, what is too old and what leaves it no room has been removed.

    The streams come first: what storage had acknowledged by then is in the tables that are read afterwards, and what it
    had not is in the snapshot, to be delivered again. The other order would lose what was acknowledged in between.

    Args:
        settings: Name the servers.
        target: Holds ``clickhouse``, which the ClickHouse server may write to, and ``jetstream``.
        full_every_days: Backups between two full ones only hold what is new since the full one.
        keep_days: Age from which a backup is forgotten; without room older ones go earlier.

    Returns:
        The manifest, and the ids of the backups that were removed.

    Raises:
        ConfigurationError: The target has not its two directories.
        QueryRefusedError: ClickHouse may not write there.
        UnavailableError: A server does not answer or failed, another backup is being made, or there is no room for it.
    """
    for name in ("clickhouse", "jetstream"):
        if not (target / name).is_dir():
            raise ConfigurationError(f"{target / name} is no directory", remedy=_PREPARE)
    with only_one(target, "backup", unwritable=_PREPARE, held="wait until it has ended"):
        started = datetime.now(UTC)
        clickhouse = ClickHouseHttp(settings, "admin")
        base, removed = _make_room(clickhouse, target, started, full_every_days, keep_days)
        return _make(settings, clickhouse, target, started, base), removed


def free_bytes(target: Path) -> int:
    """Return what a server may still write there."""
    return shutil.disk_usage(target).free


def present(clickhouse: ClickHouseHttp, databases: Iterable[str]) -> list[str]:
    """Return those of some databases that exist, in their order."""
    found = {row["name"] for row in clickhouse.rows("SELECT name FROM system.databases")}
    return [database for database in databases if database in found]


def count(clickhouse: ClickHouseHttp, database: str, settled_before: str) -> dict[str, Rows]:
    """Count the settled rows of every table that holds events."""
    names = clickhouse.rows(
        "SELECT DISTINCT table FROM system.columns"
        f" WHERE database = '{database}' AND name = 'stream_epoch'"
        f" AND table IN (SELECT name FROM system.tables WHERE database = '{database}' AND engine = 'MergeTree')"
    )
    return {
        row["table"]: _count_table(clickhouse, f"{database}.{row['table']}", settled_before)
        for row in sorted(names, key=lambda row: str(row["table"]))
    }


def _count_table(clickhouse: ClickHouseHttp, table: str, settled_before: str) -> Rows:
    (row,) = clickhouse.rows(
        f"SELECT count() AS rows, sum(cityHash64(stream_epoch, stream_seq, item)) AS hash FROM {table}"
        f" WHERE inserted_at < toDateTime64('{settled_before}', 3, 'UTC')"
    )
    return Rows(int(row["rows"]), int(row["rows"]), int(row["hash"]))


def run(clickhouse: ClickHouseHttp, statement: str, wait: Callable[[float], None] = time.sleep) -> None:
    """Run BACKUP or RESTORE to its end; it may take longer than an answer over HTTP.

    Raises:
        QueryRefusedError: The statement is refused.
        UnavailableError: The operation failed, or does not end.
    """
    (begun,) = clickhouse.rows(
        f"{statement}{',' if ' SETTINGS ' in statement else ' SETTINGS'} async = 1 FORMAT JSONEachRow"
    )
    for _ in range(int(_LIMIT_SECONDS / _POLL_SECONDS)):
        (state,) = clickhouse.rows(
            f"SELECT toString(status) AS status, error FROM system.backups WHERE id = '{begun['id']}'"
        )
        if state["status"] in ("BACKUP_CREATED", "RESTORED"):
            return
        if state["status"] not in ("CREATING_BACKUP", "RESTORING"):
            raise UnavailableError(
                f"{statement.partition(' ')[0]} ended as {state['status']}: {state['error']}",
                remedy="see the journal of clickhouse-server",
            )
        wait(_POLL_SECONDS)
    raise UnavailableError(f"{statement.partition(' ')[0]} does not end", remedy="see SELECT * FROM system.backups")


def _make_room(
    clickhouse: ClickHouseHttp, target: Path, now: datetime, full_every_days: int, keep_days: int
) -> tuple[str | None, list[str]]:
    """Return what the next backup builds on, and the ids of what was removed for it."""
    known = manifests.read_all(target)
    # A server goes on writing when who asked it has been killed.
    writing = clickhouse.rows("SELECT name FROM system.backups WHERE status = 'CREATING_BACKUP'")
    written = {row["name"] for row in writing}
    failed = [
        name for name in manifests.unfinished(target, known) if f"File('{target / 'clickhouse' / name}')" not in written
    ]
    old = manifests.expired(known, now, keep_days)
    _remove(target, failed + [manifest.id for manifest in old])
    kept = [manifest for manifest in known if manifest not in old]
    base = _base(kept, now, full_every_days)
    crowding = manifests.crowding(kept, base, free_bytes(target))
    _remove(target, [manifest.id for manifest in crowding])
    return base, failed + [manifest.id for manifest in old + crowding]


def _remove(target: Path, ids: list[str]) -> None:
    for name in ids:
        # The manifest goes first: what is left without it by an interruption is no backup.
        (target / f"{name}.json").unlink(missing_ok=True)
        (target / f".{name}.json").unlink(missing_ok=True)
        for kind in ("clickhouse", "jetstream"):
            if (kept := target / kind / name).exists():
                shutil.rmtree(kept)


def _make(settings: Settings, clickhouse: ClickHouseHttp, target: Path, now: datetime, base: str | None) -> Manifest:
    backup_id = now.strftime(manifests.ID_FORMAT)
    tables_at, jetstream = (target / kind / backup_id for kind in ("clickhouse", "jetstream"))
    jetstream.mkdir(mode=0o700)
    messages = asyncio.run(_save_streams(settings, jetstream))
    base_at = None if base is None else target / "clickhouse" / base
    settled_before, tables = _save_tables(clickhouse, tables_at, base_at)
    made = Manifest(
        id=backup_id,
        base=base,
        settled_before=settled_before,
        tables=tables,
        messages=messages,
        files=manifests.hashed(target, tables_at, jetstream),
    )
    manifests.write(target, made)
    return made


def _save_tables(
    clickhouse: ClickHouseHttp, directory: Path, base: Path | None
) -> tuple[str, dict[str, dict[str, Rows]]]:
    """Return the time before which rows are counted, and their numbers by database and table."""
    databases = present(clickhouse, (HOT_DATABASE, COLD_DATABASE))
    settled_before = f"{datetime.now(UTC) - timedelta(seconds=SETTLING_SECONDS):%Y-%m-%d %H:%M:%S}"
    before = {database: count(clickhouse, database, settled_before) for database in databases}
    options = "" if base is None else f" SETTINGS base_backup = File('{base}')"
    run(clickhouse, f"BACKUP {', '.join(f'DATABASE {name}' for name in databases)} TO File('{directory}'){options}")
    after = {database: count(clickhouse, database, settled_before) for database in databases}
    return settled_before, {
        database: {name: rows.between(after[database][name]) for name, rows in tables.items()}
        for database, tables in before.items()
    }


async def _save_streams(settings: Settings, directory: Path) -> dict[str, int]:
    async with streams.connect(settings) as jetstream:
        return {name: int((await snapshots.save(jetstream, name, directory))["messages"]) for name in STREAMS}


def _base(known: list[Manifest], now: datetime, full_every_days: int) -> str | None:
    full = [manifest for manifest in known if manifest.base is None]
    young = full and now - full[-1].made_at < timedelta(days=full_every_days)
    return full[-1].id if young else None
