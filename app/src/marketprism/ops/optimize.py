"""``optimize``: make one part of each day that is over, where the server left several and the disk has room for that.

The server merges by itself while a day grows; what it leaves at the end of a day it may leave for ever, and a backfill
adds more. Fewer parts are fewer files to open and to back up.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass

from marketprism.clickhouse_http import ClickHouseHttp
from marketprism.contract.catalog import COLD_DATABASE, HOT_DATABASE
from marketprism.contract.tables import TABLES
from marketprism.ops.doctor.rules.host import DISK_FREE_SHARE
from marketprism.settings import Settings

SETTLED_SECONDS = 3600
"""A day that got rows later than this ago is left to the server: more may come."""

_ANSWER_SECONDS = 24 * 3600.0
"""Of one merge; the connection is silent meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """A day of one table in several parts.

    Attributes:
        name: Of its table, with the database.
        partition: ``20261130``.
        parts: How many.
        size: Bytes of all parts.
        disk: Name of the server's disk that they are on.
    """

    name: str
    partition: str
    parts: int
    size: int
    disk: str

    def __str__(self) -> str:
        return f"{self.name} of {self.partition}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a day; `seconds` is None where the disk has not the bytes `missing`."""

    day: Day
    seconds: float | None
    missing: int = 0


def optimize(settings: Settings) -> Iterator[Outcome]:
    """Merge day by day, the smallest first, and tell each one's outcome.

    Args:
        settings: Name the servers.

    Raises:
        QueryRefusedError: The server refuses a merge.
        UnavailableError: A server does not answer.
    """
    for server in dict.fromkeys((settings.clickhouse, settings.cold or settings.clickhouse)):
        clickhouse = ClickHouseHttp(settings, "admin", server, answer_seconds=_ANSWER_SECONDS)
        for day in _days(clickhouse):
            yield _merge(clickhouse, day)


def _days(clickhouse: ClickHouseHttp) -> list[Day]:
    """List the days that are over, settled and in several parts."""
    tables = ", ".join(f"'{table.name}'" for table in TABLES.values())
    rows = clickhouse.rows(
        "SELECT concat(database, '.', table) AS name, partition_id AS partition, count() AS parts,"
        " sum(bytes_on_disk) AS size, any(disk_name) AS disk FROM system.parts"
        f" WHERE active AND database IN ('{HOT_DATABASE}', '{COLD_DATABASE}') AND table IN ({tables})"
        " AND partition_id < formatDateTime(now(), '%Y%m%d', 'UTC') GROUP BY name, partition"
        f" HAVING parts > 1 AND max(modification_time) <= now() - {SETTLED_SECONDS} ORDER BY size"
    )
    return [Day(**row) for row in rows]


def _merge(clickhouse: ClickHouseHttp, day: Day) -> Outcome:
    """Merge one day, whose old parts stay on the disk for some minutes beside the new one."""
    (disk,) = clickhouse.rows(f"SELECT unreserved_space, total_space FROM system.disks WHERE name = '{day.disk}'")
    missing = day.size + int(disk["total_space"] * DISK_FREE_SHARE) - disk["unreserved_space"]
    if missing > 0:
        return Outcome(day, None, missing)
    started = time.monotonic()
    clickhouse.execute(
        f"OPTIMIZE TABLE {day.name} PARTITION ID '{day.partition}' FINAL",
        optimize_throw_if_noop="1",
        optimize_skip_merged_partitions="1",
    )
    return Outcome(day, time.monotonic() - started)
