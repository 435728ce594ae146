"""Brings databases and tables forward to the contract."""

from collections.abc import Mapping

from marketprism.clickhouse_http import ClickHouseHttp
from marketprism.contract.catalog import COLD_DATABASE, HOT_DATABASE
from marketprism.contract.migrations import MIGRATIONS, VERSION
from marketprism.contract.schema import migration_record, view_ddl, view_mark
from marketprism.contract.tables import READ_VIEWS, SCHEMA_VERSIONS, VIEWS, View, tables_of
from marketprism.ops.drift import Change, LiveColumn, LiveTable, engine_settings, table_drift


def drift(clickhouse: ClickHouseHttp, database: str) -> list[Change]:
    """List what has to change in one database, in order.

    Raises:
        QueryRefusedError: The user may not look.
        UnavailableError: The server does not answer.
    """
    changes = []
    databases = {row["name"] for row in clickhouse.rows("SELECT name FROM system.databases")}
    if database not in databases:
        text = f"database {database} is missing"
        changes.append(Change(text=text, statement=f"CREATE DATABASE IF NOT EXISTS {database}"))
    live = live_tables(clickhouse, database)
    for table in tables_of(database):
        changes += table_drift(table, database, live.get(table.name))
    for view in VIEWS.values():
        changes += _view_drift(clickhouse, view, database)
    if database == COLD_DATABASE and HOT_DATABASE in databases:
        for view in READ_VIEWS:  # over both, which come before
            changes += _view_drift(clickhouse, view, HOT_DATABASE)
    return changes + _migrations(clickhouse, database, live)


def _migrations(clickhouse: ClickHouseHttp, database: str, live: Mapping[str, LiveTable]) -> list[Change]:
    """List the steps that a database has not had, after what its tables lack."""
    name = f"{database}.{SCHEMA_VERSIONS.name}"
    known = SCHEMA_VERSIONS.name in live
    had = {row["version"] for row in clickhouse.rows(f"SELECT version FROM {name}")} if known else set()
    if had and max(had) > VERSION:
        text = f"{database} has version {max(had)}, this release knows {VERSION}"
        return [Change(text=text, remedy="install the release that wrote it, or a later one; there is no way back")]
    return [
        Change(
            text=f"{database}: migration {migration.version} is pending: {migration.title}",
            statement=migration.statement.format(database=database),
            record=migration_record(migration, database),
        )
        for migration in MIGRATIONS
        if migration.version not in had
    ]


def _view_drift(clickhouse: ClickHouseHttp, view: View, database: str) -> list[Change]:
    """Compare the mark that was left with the view: the server prints its own form of the query."""
    rows = clickhouse.rows(
        f"SELECT comment FROM system.tables WHERE database = '{database}' AND table = '{view.name}'"
    )  # both from the contract
    wanted = view_mark(view.query.format(database=database))
    if rows and rows[0]["comment"] == wanted:
        return []
    state = "is not that of the contract" if rows else "is missing"
    return [Change(text=f"view {database}.{view.name} {state}", statement=view_ddl(view, database))]


def live_tables(clickhouse: ClickHouseHttp, database: str) -> dict[str, LiveTable]:
    """Describe a database's tables as the server has them, by name.

    Raises:
        QueryRefusedError: The user may not look.
        UnavailableError: The server does not answer.
    """
    where = f"WHERE database = '{database}'"  # from the contract
    tables = clickhouse.rows(
        f"SELECT name AS table, engine, partition_key, sorting_key, engine_full FROM system.tables {where}"
    )
    columns: dict[str, list[LiveColumn]] = {}
    for row in clickhouse.rows(
        "SELECT table, name, type, default_kind, default_expression, compression_codec AS codec"
        f" FROM system.columns {where} ORDER BY table, position"
    ):
        columns.setdefault(row.pop("table"), []).append(LiveColumn(**row))
    indices: dict[str, list[str]] = {}
    for row in clickhouse.rows(f"SELECT table, name FROM system.data_skipping_indices {where}"):
        indices.setdefault(row["table"], []).append(row["name"])
    return {
        row["table"]: LiveTable(
            engine=row["engine"],
            partition_by=row["partition_key"],
            order_by=row["sorting_key"],
            settings=engine_settings(row["engine_full"]),
            columns=columns.get(row["table"], []),
            indices=indices.get(row["table"], []),
        )
        for row in tables
    }
