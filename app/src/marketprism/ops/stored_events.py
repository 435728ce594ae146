"""Whether events are stored, by what they are: their identity and time, not their place in the stream."""

from collections.abc import Iterable

from marketprism.clickhouse_http import quoted
from marketprism.contract.catalog import DATA_TYPES, HOT_DATABASE
from marketprism.contract.events import Envelope, Event
from marketprism.contract.numbers import parse, to_text
from marketprism.contract.tables import TABLES, Column

_ORIGIN = ("source", "exchange", "market", "symbol")


def missing_sql(envelope: Envelope[Event]) -> str:
    """Render a query of one number, ``missing``: how many of an envelope's different events no row holds."""
    columns = _identity(envelope.type)
    wanted = sorted({_array(quoted(_text(column, event)) for column in columns) for event in envelope.events})
    identity = _array(_column_text(column) for column in columns)
    origin = " AND ".join(f"{name} = {quoted(getattr(envelope, name))}" for name in _ORIGIN)
    times = [event.timestamp_us for event in envelope.events]
    return (
        f"SELECT {len(wanted)} - uniqExact({identity}) AS missing FROM {HOT_DATABASE}.{TABLES[envelope.type].name}"
        f" WHERE {origin} AND {identity} IN ({', '.join(wanted)})"
        f" AND timestamp BETWEEN fromUnixTimestamp64Micro({min(times)}, 'UTC')"
        f" AND fromUnixTimestamp64Micro({max(times)}, 'UTC')"
    )


def _identity(data_type: str) -> list[Column]:
    columns = {column.name: column for column in TABLES[data_type].columns}
    return [columns[name] for name in DATA_TYPES[data_type].identity]


def _text(column: Column, event: Event) -> str:
    """Write an event's value as `_column_text` does that of a row."""
    field = column.field or column.name
    value = str(event.timestamp_us) if field == "timestamp" else getattr(event, field)
    if value is None:
        return ""
    return to_text(parse(value)) if "Decimal" in column.type else str(value)


def _column_text(column: Column) -> str:
    number = f"toUnixTimestamp64Micro({column.name})" if "DateTime64" in column.type else column.name
    return f"ifNull(toString({number}), '')"


def _array(items: Iterable[str]) -> str:
    return f"[{', '.join(items)}]"
