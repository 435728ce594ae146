"""What the tables hold of each instrument, and which ids of its sequences they lack."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

from marketprism.clickhouse_http import ClickHouseHttp, quoted
from marketprism.contract.catalog import DATA_TYPES, HOT_DATABASE
from marketprism.contract.events import NOBODY
from marketprism.contract.instruments import Source
from marketprism.contract.venues import CONTIGUOUS_BOOKS, FILL_CHAINS
from marketprism.ops.holes import Entry, Hole, Place

T = TypeVar("T")

MOST_HOLES = 100_000
"""Holes that are told apart; with more of them something else is wrong."""

_PLACE = "exchange, market, symbol"
_FILLS = f"exchange IN ({', '.join(quoted(name) for name in sorted(FILL_CHAINS))})"


@dataclass(frozen=True, slots=True)
class Window:
    """Rows of one source whose event lies in a stretch of time, UTC microseconds of the exchanges; the end is out."""

    source: Source
    since_us: int
    until_us: int

    def __str__(self) -> str:
        return (
            f"source = {quoted(self.source)} AND timestamp >= fromUnixTimestamp64Micro({self.since_us}, 'UTC')"
            f" AND timestamp < fromUnixTimestamp64Micro({self.until_us}, 'UTC')"
        )


@dataclass(frozen=True, slots=True)
class Count:
    """Rows of one data type of one instrument.

    Attributes:
        stored: All of them.
        twice: Those whose place in the stream another row has as well.
        repeated: Those that say what another row says: the identity of `catalog.DATA_TYPES`.
    """

    stored: int = 0
    twice: int = 0
    repeated: int = 0


class Sequences:
    """Asks one database.

    Args:
        clickhouse: As the reader.
        window: Which rows.
    """

    def __init__(self, clickhouse: ClickHouseHttp, window: Window) -> None:
        self._clickhouse = clickhouse
        self._window = window

    def counts(self, data_type: str) -> dict[Place, Count]:
        """Count the rows of a type.

        Raises:
            UnavailableError: ClickHouse does not answer.
        """
        found = DATA_TYPES[data_type]
        # A tuple, as uniqExact() of several columns leaves out rows with a null in one of them.
        rows = self._clickhouse.rows(
            f"SELECT {_PLACE}, count() AS stored, stored - uniqExact(stream_epoch, stream_seq, item) AS twice,"
            f" stored - uniqExact(({', '.join(found.identity)}, 0)) AS repeated"
            f" FROM {HOT_DATABASE}.{found.table} WHERE {self._window} GROUP BY {_PLACE}"
        )
        return {_place(row): Count(row["stored"], row["twice"], row["repeated"]) for row in rows}

    def trade_holes(self) -> tuple[dict[Place, list[Hole]], dict[Place, int]]:
        """Return the missing ids of trades, and how many rows hold a trade that an earlier one holds already.

        Raises:
            UnavailableError: ClickHouse does not answer.
        """
        chain = trade_chain(HOT_DATABASE, str(self._window))
        overlaps = self._clickhouse.rows(
            f"SELECT {_PLACE}, countIf(place > 1 AND first_id <= before) AS rows FROM ({chained(chain)})"
            f" GROUP BY {_PLACE}"
        )
        return self._holes(chain), {_place(row): row["rows"] for row in overlaps if row["rows"]}

    def change_holes(self) -> dict[Place, list[Hole]]:
        """Return the missing ids of book changes, where ids are contiguous.

        Raises:
            UnavailableError: ClickHouse does not answer.
        """
        places = ", ".join(f"({quoted(exchange)}, {quoted(market)})" for exchange, market in sorted(CONTIGUOUS_BOOKS))
        chain = (
            f"SELECT {_PLACE}, '' AS kind, first_update_id AS first_id, last_update_id AS last_id, timestamp"
            f" FROM {HOT_DATABASE}.orderbook_deltas WHERE {self._window} AND (exchange, market) IN ({places})"
        )
        return self._holes(chain)

    def restarts(self) -> dict[Place, list[int]]:
        """Return the update ids of snapshots of books that had started anew.

        Raises:
            UnavailableError: ClickHouse does not answer.
        """
        rows = self._clickhouse.rows(
            f"SELECT {_PLACE}, update_id FROM {HOT_DATABASE}.orderbooks WHERE {self._window} AND reason = 'resync'"
        )
        return _grouped((_place(row), row["update_id"]) for row in rows)

    def ledger(self, data_type: str) -> dict[Place, list[Entry]]:
        """Return the ledger's entries about a type.

        Raises:
            UnavailableError: ClickHouse does not answer.
        """
        rows = self._clickhouse.rows(
            f"SELECT {_PLACE}, after_id, before_id, healed_by FROM {HOT_DATABASE}.gaps"
            f" WHERE {self._window} AND data_type = {quoted(data_type)}"
        )
        return _grouped(
            (_place(row), Entry(Hole(row["after_id"], row["before_id"]), is_open=row["healed_by"] in {"", NOBODY}))
            for row in rows
        )

    def _holes(self, chain: str) -> dict[Place, list[Hole]]:
        rows = self._clickhouse.rows(
            f"SELECT {_PLACE}, before, first_id FROM ({chained(chain)}) WHERE place > 1 AND first_id > before + 1"
            f" ORDER BY {_PLACE}, first_id LIMIT {MOST_HOLES}"
        )
        return _grouped((_place(row), Hole(row["before"], row["first_id"])) for row in rows)


def trade_chain(database: str, where: str) -> str:
    """Render the trades that fulfil a condition, each with the contiguous ids that it covers."""
    return (
        f"SELECT {_PLACE}, if({_FILLS}, '', toString(id_kind)) AS kind,"
        f" if({_FILLS}, first_fill_id, trade_id) AS first_id, if({_FILLS}, last_fill_id, trade_id) AS last_id,"
        f" timestamp FROM {database}.trades WHERE {where}"
    )


def chained(chain: str) -> str:
    """Render a chain with each row's place in its sequence and the highest id of all rows before it."""
    order = f"OVER (PARTITION BY {_PLACE}, kind ORDER BY first_id, last_id ROWS BETWEEN UNBOUNDED PRECEDING AND"
    return (
        f"SELECT {_PLACE}, first_id, last_id, timestamp, max(last_id) {order} 1 PRECEDING) AS before,"
        f" count() {order} CURRENT ROW) AS place FROM ({chain})"
    )


def _place(row: dict[str, str]) -> Place:
    return row["exchange"], row["market"], row["symbol"]


def _grouped(pairs: Iterable[tuple[Place, T]]) -> dict[Place, list[T]]:
    found: dict[Place, list[T]] = defaultdict(list)
    for place, value in pairs:
        found[place].append(value)
    return dict(found)
