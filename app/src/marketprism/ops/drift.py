"""What a server has against what the contract says, as a list of changes. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from marketprism.contract.schema import column_ddl, table_ddl
from marketprism.contract.tables import Column, Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One difference.

    Attributes:
        text: What differs, with both values.
        statement: What brings the server forward; None where nothing can without losing data.
        remedy: The operator's next step where `statement` is None.
        record: What notes that `statement` was run; empty where the server shows it by itself.
    """

    text: str
    statement: str | None = None
    remedy: str = ""
    record: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveColumn:
    """A column as `system.columns` shows it."""

    name: str
    type: str
    default_kind: str
    default_expression: str
    codec: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveTable:
    """A table as `system.tables`, `system.columns` and `system.data_skipping_indices` show it.

    Attributes:
        settings: Of the engine, by name.
        indices: Names of the skip indices.
    """

    engine: str
    partition_by: str
    order_by: str
    settings: Mapping[str, str]
    columns: Sequence[LiveColumn]
    indices: Sequence[str]


_MOVE_ASIDE = (
    "rename the table, run 'marketprism schema apply', then copy the rows with INSERT … SELECT; nothing is deleted"
)


def table_drift(table: Table, database: str, live: LiveTable | None) -> list[Change]:
    """List what has to change for one table.

    Args:
        table: The contract.
        database: Where it lives.
        live: What the server has; None when the table does not exist.
    """
    name = f"{database}.{table.name}"
    if live is None:
        return [Change(text=f"table {name} is missing", statement=table_ddl(table, database))]
    changes = [
        Change(text=f"{name}: {what} is {actual!r}, the contract says {wanted!r}", remedy=_MOVE_ASIDE)
        for what, actual, wanted in (
            ("engine", live.engine, "MergeTree"),
            ("PARTITION BY", live.partition_by, table.partition_by),
            ("ORDER BY", live.order_by, ", ".join(table.order_by)),
        )
        if _bare(actual) != _bare(wanted)
    ]
    changes += _column_changes(table, name, {column.name: column for column in live.columns})
    for index in table.indices:
        if index.split()[1] not in live.indices:
            changes.append(Change(text=f"{name}: {index} is missing", statement=f"ALTER TABLE {name} ADD {index}"))
    for setting in table.settings:
        key, _, wanted = (part.strip() for part in setting.partition("="))
        if live.settings.get(key) != wanted:
            changes.append(
                Change(
                    text=f"{name}: setting {key} is {live.settings.get(key, 'the default')}, wanted {wanted}",
                    statement=f"ALTER TABLE {name} MODIFY SETTING {key} = {wanted}",
                )
            )
    return changes


def _column_changes(table: Table, name: str, live: Mapping[str, LiveColumn]) -> list[Change]:
    changes = []
    before = ""
    for column in table.columns:
        actual = live.get(column.name)
        if actual is None:
            where = f"AFTER `{before}`" if before else "FIRST"
            statement = f"ALTER TABLE {name} ADD COLUMN {column_ddl(column)} {where}"
            changes.append(Change(text=f"{name}: column {column.name} is missing", statement=statement))
        else:
            changes += _one_column(column, name, actual)
        before = column.name
    return changes


def _one_column(column: Column, name: str, live: LiveColumn) -> list[Change]:
    kind = "ALIAS" if column.alias else "DEFAULT" if column.default else ""
    changes = [
        Change(text=f"{name}.{column.name}: {what} is {actual!r}, the contract says {wanted!r}", remedy=_MOVE_ASIDE)
        for what, actual, wanted in (("type", live.type, column.type), ("kind", live.default_kind, kind))
        if _bare(actual) != _bare(wanted)
    ]
    if changes:
        return changes
    modify = f"ALTER TABLE {name} MODIFY COLUMN {column_ddl(column)}"
    expression = column.alias or column.default
    for what, actual, wanted in (
        ("expression", _bare(live.default_expression), _bare(expression)),
        ("codec", codec(live.codec), codec(f"CODEC({column.codec})" if column.codec else "")),
    ):
        if actual != wanted:
            text = f"{name}.{column.name}: {what} is {actual or 'none'}, the contract says {wanted or 'none'}"
            changes.append(Change(text=text, statement=modify))
    return changes


def codec(text: str) -> str:
    """Write a codec without the widths that the server derives from the column's type."""
    return _bare(re.sub(r"\b(Delta|DoubleDelta|GCD)\(\d+\)", r"\1", text))


def _bare(text: str) -> str:
    """Drop what the server adds or removes when it prints an expression: spaces, brackets, quotes of names."""
    return re.sub(r"[\s()`]", "", text)


def engine_settings(engine_full: str) -> dict[str, str]:
    """Read the SETTINGS of `system.tables.engine_full`."""
    _, _, settings = engine_full.partition("SETTINGS ")
    pairs = (setting.partition("=") for setting in settings.split(",") if "=" in setting)
    return {key.strip(): value.strip() for key, _, value in pairs}


def config_drift(what: str, wanted: Mapping[str, Any], live: Mapping[str, Any]) -> list[str]:
    """List the keys of a JetStream configuration that differ; the server leaves out what is false or zero."""
    return [
        f"{what}: {key} is {live.get(key, 'not set')}, wanted {value}"
        for key, value in wanted.items()
        if (live.get(key) or type(value)()) != value
    ]
