"""Events that were published twice, found by what they are.

An exchange re-sends after a reconnect, a recording is replayed again. Ids of one instrument grow, so a row above the
highest id stored is new without asking; at or below it, the table is asked for the batch's range of ids and times.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from operator import lt
from typing import Any

from marketprism.contract import numbers
from marketprism.contract.catalog import DATA_TYPES, ORIGIN
from marketprism.contract.tables import TABLES, Column
from marketprism.storage.clickhouse import ClickHouse
from marketprism.storage.columns import Rows, identity

_GROUPS_PER_QUERY = 100
Group = tuple[Any, ...]


@dataclass(slots=True)
class _Range:
    """Ids and times of one group's rows that may be stored already."""

    first_id: int
    last_id: int
    first_us: int
    last_us: int

    def widen(self, id_: int, time_us: int) -> None:
        self.first_id, self.last_id = min(self.first_id, id_), max(self.last_id, id_)
        self.first_us, self.last_us = min(self.first_us, time_us), max(self.last_us, time_us)


class Identities:
    """What is known of the identities in one database."""

    def __init__(self, clickhouse: ClickHouse, database: str) -> None:
        self._clickhouse = clickhouse
        self._database = database
        self._highest: dict[str, dict[Group, int]] = {data_type: {} for data_type in DATA_TYPES}

    def new(self, rows: Rows) -> list[int]:
        """Return the indices of rows whose identity is neither stored nor that of an earlier row.

        Raises:
            UnavailableError: ClickHouse cannot be asked.
        """
        if self._all_grow(rows):
            return list(range(len(rows)))
        keys = _keys(rows)
        ranges = self._suspicious(rows)
        seen = self._stored(rows.data_type, ranges) if ranges else set()
        if not seen and len(set(keys)) == len(keys):
            return list(range(len(keys)))
        indices = []
        for index, key in enumerate(keys):
            if key not in seen:
                seen.add(key)
                indices.append(index)
        return indices

    def learn(self, rows: Rows) -> None:
        """Remember that rows are stored."""
        highest = self._highest[rows.data_type]
        for group, ids in _runs(rows):
            if group in highest:
                highest[group] = max(highest[group], *ids)

    def _all_grow(self, rows: Rows) -> bool:
        """Tell whether each group's ids grow from row to row, and from what is stored: then all are new."""
        highest = self._highest[rows.data_type]
        self._ask_highest(rows.data_type, {group for group, _ in _runs(rows)} - highest.keys())
        before: dict[Group, int] = {}
        for group, ids in _runs(rows):
            if ids[0] <= before.get(group, highest[group]) or (len(ids) > 1 and not all(map(lt, ids, ids[1:]))):
                return False
            before[group] = ids[-1]
        return True

    def _suspicious(self, rows: Rows) -> dict[Group, _Range]:
        growing = DATA_TYPES[rows.data_type].growing
        groups = rows.keys(_group_columns(rows.data_type))
        highest = self._highest[rows.data_type]
        ranges: dict[Group, _Range] = {}
        for group, id_, time_us in zip(groups, rows.columns[growing], rows.columns["timestamp"], strict=True):
            if id_ > highest[group]:
                continue
            if group in ranges:
                ranges[group].widen(id_, time_us)
            else:
                ranges[group] = _Range(id_, id_, time_us, time_us)
        return ranges

    def _ask_highest(self, data_type: str, groups: set[Group]) -> None:
        """Ask once for each group that was not seen since the start; -1 where nothing is stored."""
        growing = DATA_TYPES[data_type].growing
        names = ", ".join(_group_columns(data_type))
        for part in _parts(sorted(groups, key=str)):
            parameters, conditions = _match(data_type, part)
            rows = self._clickhouse.query(
                f"SELECT {names}, {_as_number(f'max({growing})', growing)} FROM {self._table(data_type)}"
                f" WHERE {' OR '.join(conditions)} GROUP BY {names}",
                parameters,
            )
            self._highest[data_type].update(dict.fromkeys(part, -1))
            self._highest[data_type].update({row[:-1]: row[-1] for row in rows})

    def _stored(self, data_type: str, ranges: dict[Group, _Range]) -> set[tuple[Any, ...]]:
        names = identity(data_type)
        growing = DATA_TYPES[data_type].growing
        selected = ", ".join(_comparable(data_type, name) for name in names)
        found: set[tuple[Any, ...]] = set()
        for part in _parts(list(ranges)):
            parameters, conditions = _match(data_type, part)
            for index, group in enumerate(part):
                wanted = ranges[group]
                if growing != "timestamp":
                    conditions[index] += f" AND {growing} BETWEEN {wanted.first_id} AND {wanted.last_id}"
                conditions[index] += (
                    f" AND timestamp BETWEEN fromUnixTimestamp64Micro({wanted.first_us}, 'UTC')"
                    f" AND fromUnixTimestamp64Micro({wanted.last_us}, 'UTC')"
                )
            where = " OR ".join(f"({condition})" for condition in conditions)
            sql = f"SELECT {selected} FROM {self._table(data_type)} WHERE {where}"
            found.update(self._clickhouse.query(sql, parameters))
        return found

    def _table(self, data_type: str) -> str:
        return f"{self._database}.{TABLES[data_type].name}"


def _runs(rows: Rows) -> Iterator[tuple[Group, list[int]]]:
    """Yield group and growing ids of successive rows of one group: those of a message, where it has one series."""
    source, exchange, market, symbol = (rows.columns[name] for name in ORIGIN)
    series = [rows.columns[name] for name in DATA_TYPES[rows.data_type].series]
    ids = rows.columns[DATA_TYPES[rows.data_type].growing]
    for place in rows.messages():
        start, count = place.start, place.stop - place.start
        origin = (source[start], exchange[start], market[start], symbol[start])
        if not series:
            yield origin, ids[place]
        elif all(column[place].count(column[start]) == count for column in series):
            yield (*origin, *(column[start] for column in series)), ids[place]
        else:
            for index in range(start, place.stop):
                yield (*origin, *(column[index] for column in series)), ids[index : index + 1]


def _keys(rows: Rows) -> list[tuple[Any, ...]]:
    """Return the identities, decimal texts as scaled integers: 1.5 and 1.50 are one number."""
    names = identity(rows.data_type)
    decimals = [name for name in names if "Decimal" in _column(rows.data_type, name).type]
    if not decimals:
        return rows.keys(names)
    columns = [
        [numbers.parse(text) for text in rows.columns[name]] if name in decimals else rows.columns[name]
        for name in names
    ]
    return list(zip(*columns, strict=True))


@cache
def _column(data_type: str, name: str) -> Column:
    return next(column for column in TABLES[data_type].columns if column.name == name)


def _as_number(expression: str, column: str) -> str:
    return f"toUnixTimestamp64Micro({expression})" if column == "timestamp" else expression


def _comparable(data_type: str, name: str) -> str:
    """Render a column of an identity as the value that `_keys` has for it."""
    column = _column(data_type, name)
    if "DateTime64" in column.type:
        return f"toUnixTimestamp64Micro({name})"
    if "Decimal" in column.type:
        return f"toInt256(toDecimal256({name}, {numbers.FRACTION_DIGITS}) * toInt256('{numbers.UNIT}'))"
    return name


def _group_columns(data_type: str) -> tuple[str, ...]:
    return (*ORIGIN, *DATA_TYPES[data_type].series)


def _match(data_type: str, groups: Sequence[Group]) -> tuple[dict[str, object], list[str]]:
    """Return parameters and one condition per group."""
    parameters: dict[str, object] = {}
    conditions = []
    for number, group in enumerate(groups):
        terms = []
        for name, value in zip(_group_columns(data_type), group, strict=True):
            parameters[f"{name}_{number}"] = str(value)
            terms.append(f"{name} = %({name}_{number})s")
        conditions.append(" AND ".join(terms))
    return parameters, conditions


def _parts(groups: Sequence[Group]) -> list[Sequence[Group]]:
    return [groups[start : start + _GROUPS_PER_QUERY] for start in range(0, len(groups), _GROUPS_PER_QUERY)]
