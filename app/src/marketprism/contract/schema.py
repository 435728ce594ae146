"""DDL and stream configurations rendered from the contract; nothing here talks to a server."""

import zlib
from typing import Any

from marketprism.contract.catalog import REWIND_CONSUMER, Stream
from marketprism.contract.migrations import Migration
from marketprism.contract.tables import SCHEMA_VERSIONS, Column, Table, View

NANOSECONDS = 1_000_000_000
MAX_PAYLOAD_BYTES = 1024 * 1024


def column_ddl(column: Column) -> str:
    """Render one column definition."""
    parts = [f"`{column.name}`", column.type]
    if column.alias:
        parts.append(f"ALIAS {column.alias}")
    if column.default:
        parts.append(f"DEFAULT {column.default}")
    if column.codec:
        parts.append(f"CODEC({column.codec})")
    return " ".join(parts)


def table_ddl(table: Table, database: str) -> str:
    """Render CREATE TABLE IF NOT EXISTS."""
    body = ",\n    ".join([*(column_ddl(c) for c in table.columns), *table.indices])
    return (
        f"CREATE TABLE IF NOT EXISTS {database}.{table.name}\n(\n    {body}\n)\n"
        f"ENGINE = MergeTree\nPARTITION BY {table.partition_by}\n"
        f"ORDER BY ({', '.join(table.order_by)})\nSETTINGS {', '.join(table.settings)}"
    )


def view_ddl(view: View, database: str) -> str:
    """Render CREATE OR REPLACE VIEW; the comment tells a later look whether the query is still this one."""
    query = view.query.format(database=database)
    return f"CREATE OR REPLACE VIEW {database}.{view.name} AS {query} COMMENT '{view_mark(query)}'"


def view_mark(query: str) -> str:
    """Name a query: the server prints its own form of it, which cannot be compared."""
    return f"contract {zlib.crc32(query.encode()):08x}"


def migration_record(migration: Migration, database: str) -> str:
    """Render what notes that a database has had a migration."""
    values = f"({migration.version}, '{migration.title}')"
    return f"INSERT INTO {database}.{SCHEMA_VERSIONS.name} (version, title) VALUES {values}"  # noqa: S608 (all of it is the contract's)


def stream_config(stream: Stream, store_bytes: int) -> dict[str, Any]:
    """Render one stream's configuration in the form of the JetStream API.

    Args:
        stream: The stream.
        store_bytes: Bytes that all streams together may fill.
    """
    return {
        "name": stream.name,
        "subjects": list(stream.subjects),
        "retention": "limits",
        "storage": "file",
        "discard": "new",
        "num_replicas": 1,
        "max_bytes": int(store_bytes * stream.share),
        "max_age": stream.max_age_seconds * NANOSECONDS,
        "duplicate_window": stream.duplicate_window_seconds * NANOSECONDS,
        "max_msg_size": MAX_PAYLOAD_BYTES,
        "deny_delete": False,
        "deny_purge": False,
    }


def consumer_config(stream: Stream) -> dict[str, Any]:
    """Render the durable consumer of hot storage for a stream that has one.

    ``max_deliver`` is unlimited: with a limit, an outage of ClickHouse would exhaust it and lose data. One
    acknowledgement covers all earlier messages, so a batch costs one. Two batches of `storage.batch_events` may be
    under way: one is stored while the next one arrives.
    """
    return {
        "durable_name": stream.consumer,
        "deliver_policy": "all",
        "ack_policy": "all",
        "ack_wait": 30 * NANOSECONDS,
        "max_deliver": -1,
        "max_ack_pending": 40_000,
        "replay_policy": "instant",
    }


def rewind_consumer_config(first: int) -> dict[str, Any]:
    """Render the ephemeral consumer that reads a stream again from a sequence on."""
    return {
        "name": REWIND_CONSUMER,
        "deliver_policy": "by_start_sequence",
        "opt_start_seq": first,
        "ack_policy": "none",
        "replay_policy": "instant",
        "inactive_threshold": 60 * NANOSECONDS,
        "mem_storage": True,
    }
