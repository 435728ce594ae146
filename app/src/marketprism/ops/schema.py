"""Brings databases and tables forward to the contract."""

from marketprism.clickhouse_http import ClickHouseHttp
from marketprism.contract.schema import view_ddl, view_mark
from marketprism.contract.tables import VIEWS, View, tables_of
from marketprism.ops.drift import Change, LiveColumn, LiveTable, engine_settings, table_drift


def drift(clickhouse: ClickHouseHttp, database: str) -> list[Change]:
    """List what has to change in one database, in order.

    Raises:
        QueryRefusedError: The user may not look.
        UnavailableError: The server does not answer.
    """
    changes = []
    if database not in {row["name"] for row in clickhouse.rows("SELECT name FROM system.databases")}:
        text = f"database {database} is missing"
        changes.append(Change(text=text, statement=f"CREATE DATABASE IF NOT EXISTS {database}"))
    for table in tables_of(database):
        changes += table_drift(table, database, live_table(clickhouse, database, table.name))
    for view in VIEWS.values():
        changes += _view_drift(clickhouse, view, database)
    return changes


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


def live_table(clickhouse: ClickHouseHttp, database: str, name: str) -> LiveTable | None:
    """Describe a table as the server has it; None when it has none of that name.

    Raises:
        QueryRefusedError: The user may not look.
        UnavailableError: The server does not answer.
    """
    where = f"WHERE database = '{database}' AND table = '{name}'"  # both from the contract
    tables = clickhouse.rows(
        f"SELECT engine, partition_key, sorting_key, engine_full, name AS table FROM system.tables {where}"
    )
    if not tables:
        return None
    columns = clickhouse.rows(
        f"SELECT name, type, default_kind, default_expression, compression_codec AS codec FROM system.columns {where}"
        " ORDER BY position"
    )
    indices = clickhouse.rows(f"SELECT name FROM system.data_skipping_indices {where}")
    return LiveTable(
        engine=tables[0]["engine"],
        partition_by=tables[0]["partition_key"],
        order_by=tables[0]["sorting_key"],
        settings=engine_settings(tables[0]["engine_full"]),
        columns=[LiveColumn(**column) for column in columns],
        indices=[index["name"] for index in indices],
    )
