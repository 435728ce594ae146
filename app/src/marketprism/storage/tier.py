"""The tables of one database on one server, as the cold tier looks at them: minute by minute, day by day.

Rows are compared by count and by the sum of a hash over every inserted column; a sum sees a row that is there twice.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from marketprism.clickhouse_http import ClickHouseHttp, QueryRefusedError
from marketprism.contract.catalog import DATA_TYPES
from marketprism.contract.tables import TABLES, Table
from marketprism.storage.columns import identity
from marketprism.storage.comparison import Row
from marketprism.telemetry import logs

MINUTE = 60
DAY = 86_400
_SAME_ID_IS_RUNNING = 216
_NO_SUCH_PART = 232
_INSERT_SETTINGS = {
    "async_insert": "0",  # an answer must mean that the rows are stored
    "min_insert_block_size_bytes": "67108864",  # rows of books are large; the server is small
}
_log = logs.get("storage.tier")
_IDENTITIES = {TABLES[name].name: identity(name) for name in TABLES if name in DATA_TYPES}


@dataclass(frozen=True, slots=True)
class Span:
    """Event times from `start` up to, not including, `end`; whole seconds since 1970."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Digest:
    """How many rows, and the sum of their hashes; 0 where these were not asked for."""

    rows: int
    content: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """One day partition at one moment.

    Attributes:
        id: Of the partition.
        start: First second of the day.
        rows: How many there are.
        inserted_seconds_ago: Age of the newest insert.
        parts: Names of the parts that hold exactly these rows.
    """

    id: str
    start: int
    rows: int
    inserted_seconds_ago: int
    parts: tuple[str, ...]

    @property
    def span(self) -> Span:
        """The whole day."""
        return Span(self.start, self.start + DAY)


class Tier:
    """One database; every method blocks.

    Raises, every method:
        QueryRefusedError: The server refuses a statement.
        UnavailableError: The server does not answer.
    """

    def __init__(self, clickhouse: ClickHouseHttp, database: str) -> None:
        self._clickhouse = clickhouse
        self.database = database

    def now(self) -> int:
        """Return the server's time: the clock of ``inserted_at``."""
        return self._number("SELECT toUnixTimestamp(now()) AS value")

    def latest_lateness(self, table: Table) -> int:
        """Return by how many seconds the latest row of the last day came after its event; 0 where there is none."""
        late = f"dateDiff('second', {table.time}, inserted_at)"
        return self._number(
            f"SELECT greatest(max({late}), 0) AS value FROM {self._name(table)} WHERE {table.time} > now() - {DAY}"
        )

    def days(self, table: Table) -> list[Day]:
        """List the day partitions, oldest first."""
        rows = self._clickhouse.rows(
            f"SELECT _partition_id AS id, toUnixTimestamp(toStartOfDay(min({table.time}))) AS start, count() AS rows,"
            " dateDiff('second', max(inserted_at), now()) AS inserted_seconds_ago, groupUniqArray(_part) AS parts"
            f" FROM {self._name(table)} GROUP BY id ORDER BY start"
        )
        return [Day(**{**row, "parts": tuple(row["parts"])}) for row in rows]

    def drop(self, table: Table, day: Day) -> bool:
        """Drop a day as it was seen: rows that came since then are in other parts and stay.

        Returns:
            False when the server has merged the parts meanwhile; look again later.
        """
        for part in day.parts:
            try:
                self._clickhouse.execute(
                    f"ALTER TABLE {self._name(table)} DROP PART '{part}'", max_partition_size_to_drop="0"
                )
            except QueryRefusedError as error:
                if error.code == _NO_SUCH_PART:
                    return False
                raise
        _log.info("day dropped", database=self.database, table=table.name, day=day.id, rows=day.rows)
        return True

    def counts(self, table: Table, span: Span) -> dict[int, Digest]:
        """Count the rows by minute."""
        return self._minutes(table, span, "0")

    def digests(self, table: Table, span: Span) -> dict[int, Digest]:
        """Count and hash the rows by minute."""
        return self._minutes(table, span, f"sum({_content(table)})")

    def compared(self, table: Table, minute: int) -> list[Row]:
        """Return what a comparison row by row needs of one minute."""
        rows = self._clickhouse.rows(
            f"SELECT {_key(table)} AS key, {_place(table)} AS place, {_content(table)} AS content"
            f" FROM {self._name(table)} WHERE {_within(table, Span(minute, minute + MINUTE))}"
        )
        return [Row(**row) for row in rows]

    def rows(self, table: Table, span: Span, keys: Iterable[str] | None = None) -> Iterator[bytes]:
        """Yield rows in ClickHouse's own format: all of a span, or those with some keys, each of them once."""
        chosen = ""
        if keys is not None:
            listed = ", ".join(f"'{key}'" for key in keys)
            chosen = f" AND {_key(table)} IN ({listed}) LIMIT 1 BY {_key(table)}"
        return self._clickhouse.stream(
            f"SELECT {_columns(table)} FROM {self._name(table)} WHERE {_within(table, span)}{chosen}",
            "Native",
            wait_end_of_query="0",  # buffering would take as much memory as the rows
        )

    def insert(self, table: Table, pieces: Iterable[bytes]) -> None:
        """Insert what `rows` of another tier yields."""
        statement = f"INSERT INTO {self._name(table)} ({_columns(table)}) FORMAT Native"
        self._clickhouse.insert(statement, pieces, query_id=self._insert_id(table), **_INSERT_SETTINGS)

    def is_inserting(self, table: Table) -> bool:
        """Tell whether the server still works on an `insert`, such as one of a process that was killed."""
        try:
            self._clickhouse.execute("SELECT 1", query_id=self._insert_id(table))
        except QueryRefusedError as error:
            if error.code == _SAME_ID_IS_RUNNING:
                return True
            raise
        return False

    def _insert_id(self, table: Table) -> str:
        return f"marketprism-copy-{self._name(table)}"

    def _minutes(self, table: Table, span: Span, content: str) -> dict[int, Digest]:
        rows = self._clickhouse.rows(
            f"SELECT toUnixTimestamp(toStartOfMinute({table.time})) AS minute, count() AS rows, {content} AS content"
            f" FROM {self._name(table)} WHERE {_within(table, span)} GROUP BY minute ORDER BY minute"
        )
        return {row["minute"]: Digest(row["rows"], row["content"]) for row in rows}

    def _number(self, sql: str) -> int:
        return int(self._clickhouse.rows(sql)[0]["value"])

    def _name(self, table: Table) -> str:
        return f"{self.database}.{table.name}"


def _columns(table: Table) -> str:
    return ", ".join(column.name for column in table.inserted)


def _content(table: Table) -> str:
    return f"cityHash64(tuple({_columns(table)}))"  # a tuple, because a null alone would make the hash null


def _key(table: Table) -> str:
    names = ", ".join(_IDENTITIES.get(table.name, ())) or _columns(table)
    return f"hex(sipHash128(tuple({names})))"


def _place(table: Table) -> str:
    if "stream_epoch" not in (column.name for column in table.inserted):
        return "''"
    return "concat(toString(stream_epoch), ':', toString(stream_seq), ':', toString(item))"


def _within(table: Table, span: Span) -> str:
    start, end = (f"toDateTime64({second}, 6, 'UTC')" for second in (span.start, span.end))
    return f"{table.time} >= {start} AND {table.time} < {end}"
