"""Whether events are stored, by what they are: their identity and time, not their place in the stream."""

from collections.abc import Iterable, Sequence
from itertools import islice

from marketprism.clickhouse_http import ClickHouseHttp, quoted
from marketprism.contract.catalog import DATA_TYPES, HOT_DATABASE, ORIGIN
from marketprism.contract.events import Envelope, Event
from marketprism.contract.numbers import parse, require_decimal, to_text
from marketprism.contract.tables import TABLES, Column
from marketprism.errors import ContractError

_EVENTS_AT_ONCE = 1_000
"""In one query, which has to stay below the server's ``max_query_size`` of 256 KiB."""

Identity = tuple[str, ...]
Feed = tuple[str, ...]
"""Data type and origin."""


def are_stored(clickhouse: ClickHouseHttp, envelopes: Sequence[Envelope[Event]]) -> list[bool]:
    """Tell of each envelope whether rows hold all its events; none holds what cannot be stored.

    Raises:
        UnavailableError: ClickHouse does not answer.
    """
    wanted: dict[Feed, dict[Identity, int]] = {}
    of_envelopes = [(_feed(envelope), _identities(envelope)) for envelope in envelopes]
    for feed, identities in of_envelopes:
        wanted.setdefault(feed, {}).update(identities or {})
    found = {feed: _found(clickhouse, feed, times) for feed, times in wanted.items()}
    return [identities is not None and found[feed].issuperset(identities) for feed, identities in of_envelopes]


def _found(clickhouse: ClickHouseHttp, feed: Feed, times_us: dict[Identity, int]) -> set[Identity]:
    """Return those of the identities that a row has, at about the time of the event."""
    data_type, *origin = feed
    identity = _array(map(_column_text, _columns(data_type)))
    about = " AND ".join(f"{name} = {quoted(value)}" for name, value in zip(ORIGIN, origin, strict=True))
    found: set[Identity] = set()
    events = iter(times_us.items())
    while part := dict(islice(events, _EVENTS_AT_ONCE)):
        rows = clickhouse.rows(
            f"SELECT DISTINCT {identity} AS identity FROM {HOT_DATABASE}.{TABLES[data_type].name}"
            f" WHERE {about} AND identity IN ({', '.join(_array(map(quoted, each)) for each in part)})"
            f" AND timestamp BETWEEN fromUnixTimestamp64Micro({min(part.values())}, 'UTC')"
            f" AND fromUnixTimestamp64Micro({max(part.values())}, 'UTC')"
        )
        found.update(tuple(row["identity"]) for row in rows)
    return found


def _feed(envelope: Envelope[Event]) -> Feed:
    return (envelope.type, *(str(getattr(envelope, name)) for name in ORIGIN))


def _identities(envelope: Envelope[Event]) -> dict[Identity, int] | None:
    """Return the events' times by what makes them unique; None where an event cannot be stored."""
    columns = _columns(envelope.type)
    try:
        return {tuple(_text(column, event) for column in columns): event.timestamp_us for event in envelope.events}
    except ContractError:
        return None


def _columns(data_type: str) -> list[Column]:
    columns = {column.name: column for column in TABLES[data_type].columns}
    return [columns[name] for name in DATA_TYPES[data_type].identity]


def _text(column: Column, event: Event) -> str:
    """Write an event's value as `_column_text` does that of a row."""
    field = column.field or column.name
    value = str(event.timestamp_us) if field == "timestamp" else getattr(event, field)
    if value is None:
        return ""
    return to_text(parse(require_decimal(field, value))) if "Decimal" in column.type else str(value)


def _column_text(column: Column) -> str:
    number = f"toUnixTimestamp64Micro({column.name})" if "DateTime64" in column.type else column.name
    return f"ifNull(toString({number}), '')"


def _array(items: Iterable[str]) -> str:
    return f"[{', '.join(items)}]"
