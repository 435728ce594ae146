"""What ClickHouse holds, as the reader, and how it is, as the administrator."""

import time
from dataclasses import dataclass

from marketprism.clickhouse_http import ClickHouseHttp
from marketprism.contract.catalog import COLD_DATABASE, DATA_TYPES, HOT_DATABASE, DataType
from marketprism.contract.venues import VENUES, feeds
from marketprism.errors import MarketPrismError
from marketprism.ops import schema
from marketprism.ops.doctor.evidence import Feed, Tables
from marketprism.settings import Settings

ANSWER_SECONDS = 4.0
GAP_SECONDS, HEALING_SECONDS = 3600, 180
"""A hole is looked at for an hour, and not before its healing had time."""


def tables(settings: Settings) -> Tables:
    """Ask for rows, ages and holes; what only the administrator may see stays None where its password is missing.

    Raises:
        UnavailableError: The server does not answer.
        QueryRefusedError: It refuses to tell.
        ConfigurationError: The reader's credential cannot be read.
    """
    reader = ClickHouseHttp(settings, "reader", answer_seconds=ANSWER_SECONDS)
    source = settings.source.value
    newest = {
        (row["data_type"], row["exchange"], row["market"], row["symbol"]): float(row["newest"])
        for row in reader.rows(_newest_sql(source))
    }
    rows = {row["data_type"]: int(row["rows"]) for row in reader.rows(_rows_sql())}
    collected = _collected(settings)  # what is no longer collected is no longer healed
    gaps = tuple(
        f"{row['exchange']} {row['market']} {row['symbol']} {row['data_type']}: {row['size'] or 'unknown many'}"
        f" missing after id {row['after_id']}, found at {row['found_at']} UTC"
        for row in reader.rows(_gaps_sql(source))
        if (row["exchange"], row["market"], row["symbol"]) in collected
    )
    now = time.time_ns() / 1e9
    inside = _inside(settings)
    return Tables(
        rows=rows,
        feeds=tuple(_feeds(settings, newest, now)),
        open_gaps=gaps,
        parts=inside.parts,
        parts_of=inside.parts_of,
        merges=inside.merges,
        read_only_disks=inside.read_only_disks,
    )


def _newest_sql(source: str) -> str:
    """Ask for the newest row of every feed; a column that every table begins its order with keeps it short."""
    return " UNION ALL ".join(
        f"SELECT '{each.name}' AS data_type, exchange, market, symbol,"
        f" toUnixTimestamp64Micro(max(timestamp)) / 1e6 AS newest FROM {HOT_DATABASE}.{each.table}"
        f" WHERE source = '{source}' AND timestamp > now() - INTERVAL 1 HOUR GROUP BY exchange, market, symbol"
        for each in _fresh_types()
    )


def _rows_sql() -> str:
    return " UNION ALL ".join(
        f"SELECT '{each.name}' AS data_type, count() AS rows FROM {HOT_DATABASE}.{each.table}"
        for each in _fresh_types()
    )


def _gaps_sql(source: str) -> str:
    return (
        f"SELECT exchange, market, symbol, data_type, after_id, size, toString(detected_at) AS found_at"
        f" FROM {HOT_DATABASE}.gaps WHERE source = '{source}' AND healed_by = ''"
        f" AND detected_at > now() - {GAP_SECONDS} AND detected_at < now() - {HEALING_SECONDS}"
        " ORDER BY found_at DESC LIMIT 50"
    )


def _collected(settings: Settings) -> set[tuple[str, str, str]]:
    """Name the instruments that the settings ask for."""
    return {
        (VENUES[venue].exchange.value, market.value, symbol)
        for venue, configured in settings.venues.items()
        if configured.enabled
        for _, market, symbol in feeds(venue, configured.symbols, configured.data_types)
    }


def _fresh_types() -> list[DataType]:
    return [each for each in DATA_TYPES.values() if each.freshness_seconds is not None]


@dataclass(frozen=True, slots=True)
class _Inside:
    """What only the administrator sees."""

    parts: int | None = None
    parts_of: str = ""
    merges: int | None = None
    read_only_disks: tuple[str, ...] = ()


def _inside(settings: Settings) -> _Inside:
    try:
        admin = ClickHouseHttp(settings, "admin", answer_seconds=ANSWER_SECONDS)
        most = admin.rows(
            "SELECT concat(database, '.', table, ' ', partition) AS place, count() AS parts FROM system.parts"
            f" WHERE active AND database IN ('{HOT_DATABASE}', '{COLD_DATABASE}')"
            " GROUP BY place ORDER BY parts DESC LIMIT 1"
        )
        merges = admin.rows("SELECT count() AS merges FROM system.merges")
        disks = admin.rows("SELECT name FROM system.disks WHERE is_read_only")
    except MarketPrismError:
        return _Inside()
    return _Inside(
        parts=int(most[0]["parts"]) if most else 0,
        parts_of=str(most[0]["place"]) if most else "",
        merges=int(merges[0]["merges"]),
        read_only_disks=tuple(str(row["name"]) for row in disks),
    )


def drift(settings: Settings) -> tuple[str, ...]:
    """List what ``schema apply`` would change.

    Raises:
        QueryRefusedError: The administrator may not look.
        UnavailableError: ClickHouse does not answer.
        ConfigurationError: The credential cannot be read.
    """
    found = []
    for database, server in ((HOT_DATABASE, None), (COLD_DATABASE, settings.cold)):
        clickhouse = ClickHouseHttp(settings, "admin", server, answer_seconds=ANSWER_SECONDS)
        found += [change.text for change in schema.drift(clickhouse, database)]
    return tuple(found)


def _feeds(settings: Settings, newest: dict[tuple[str, str, str, str], float], now: float) -> list[Feed]:
    found = []
    for venue, configured in settings.venues.items():
        if not configured.enabled:
            continue
        exchange = VENUES[venue].exchange.value
        for data_type, market, symbol in feeds(venue, configured.symbols, configured.data_types):
            seen = newest.get((data_type, exchange, market.value, symbol))
            limit = DATA_TYPES[data_type].freshness_seconds
            assert limit is not None, "feeds() returns only types with a limit"
            age = None if seen is None else now - seen
            found.append(Feed(venue=venue, data_type=data_type, symbol=symbol, limit=limit, age=age))
    return found
