"""Copies what is in the hot database into the cold one, proves it there, and drops old days.

The rows themselves tell what is copied; there is no other state that could disagree with them. Every step can be
repeated and can end anywhere: minutes that are equal are left alone, a minute that is not there is copied whole, and a
minute that is there in part (an interrupted copy, rows that came late) is compared row by row.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from marketprism.contract.tables import TABLES, Table
from marketprism.errors import UnavailableError
from marketprism.storage.comparison import compare
from marketprism.storage.retention import expired
from marketprism.storage.tier import DAY, MINUTE, Span, Tier
from marketprism.telemetry import logs

_COPY_ROWS = 100_000
"""Rows of one insert, at least one minute: it ends within seconds, also where a row is a whole book."""

_KEYS = 2_000
"""Rows of one insert that are named one by one; a statement has a limit."""

_IDLE_SECONDS = 30.0
_POLL_SECONDS = 0.05
_log = logs.get("storage.cold")


@dataclass(slots=True)
class Copied:
    """What was done to one table since the start.

    Attributes:
        rows: Rows copied.
        late_rows: Those of them that belonged to minutes which were there already.
        different: Rows that have other values in the cold database, or are there twice, by minute.
        lag_seconds: For how long rows stay uncopied, so that late ones go along.
        copied_until: Everything earlier is proven to be in the cold database; 0 while that is not known.
    """

    rows: int = 0
    late_rows: int = 0
    different: dict[int, int] = field(default_factory=dict)
    lag_seconds: float = 0
    copied_until: int = 0

    def forget(self, minutes: Iterable[int]) -> None:
        """Forget what was different in minutes that are looked at again."""
        for minute in minutes:
            self.different.pop(minute, None)


class Mover:
    """Works on one table at a time; every method blocks.

    Args:
        hot: Where rows are read and old days dropped.
        cold: Where they go.
        step: Called between any two statements; may raise to end the round.

    Attributes:
        tables: What was done, by table name.

    Raises, every method:
        QueryRefusedError: A server refuses a statement.
        UnavailableError: A server does not answer, or an earlier copy is still running.
    """

    def __init__(self, hot: Tier, cold: Tier, step: Callable[[], None]) -> None:
        self._hot = hot
        self._cold = cold
        self._step = step
        self._looked: dict[tuple[str, str], tuple[int, tuple[str, ...]]] = {}
        self.tables = {table.name: Copied() for table in TABLES.values()}

    def copy_tail(self, table: Table, lag_seconds: float) -> bool:
        """Copy what was closed since the last round; False where something still has to be copied.

        Args:
            table: A table of both databases.
            lag_seconds: Time for which rows stay uncopied at least.
        """
        state = self.tables[table.name]
        closed = self._closed(table, lag_seconds)
        for start in range(state.copied_until, closed, DAY):
            if not self._copy(table, Span(start, min(start + DAY, closed))):
                return False
        state.copied_until = max(state.copied_until, closed)
        return True

    def copy_all(self, table: Table, lag_seconds: float) -> bool:
        """Look at every day that changed since the last look, also for rows that came late; see `copy_tail`."""
        state = self.tables[table.name]
        state.lag_seconds = lag_seconds + self._hot.latest_lateness(table)
        closed = self._closed(table, lag_seconds)
        complete = True
        for day in self._hot.days(table):
            self._step()
            seen = (day.rows, day.parts)
            span = Span(day.start, min(day.span.end, closed))
            if self._looked.get((table.name, day.id)) == seen or span.start >= span.end:
                continue
            if not self._copy(table, span):
                complete = False
            elif span == day.span:
                self._looked[table.name, day.id] = seen
        if complete:
            state.copied_until = max(state.copied_until, closed)
        return complete

    def drop_proven(self, table: Table, days: int) -> int:
        """Drop days from the hot database whose newest insert is old, once each row is proven in the cold one.

        Returns:
            How many were dropped.
        """
        dropped = 0
        for day in expired(self._hot.days(table), days):
            self._step()
            if self._settle(table, day.span):
                dropped += self._hot.drop(table, day)
        return dropped

    def _closed(self, table: Table, lag_seconds: float) -> int:
        now = self._hot.now()
        lag = max(self.tables[table.name].lag_seconds, lag_seconds)
        return int(now - lag) // MINUTE * MINUTE

    def _copy(self, table: Table, span: Span) -> bool:
        """Settle the minutes whose counts differ; equal counts are hashed before a day is dropped."""
        hot, cold = self._hot.counts(table, span), self._cold.counts(table, span)
        differing = [minute for minute, digest in hot.items() if cold.get(minute) != digest]
        settled = [self._settle(table, part) for part in _joined(differing)]
        return all(settled)

    def _settle(self, table: Table, span: Span) -> bool:
        """Bring a span to the cold database and compare; True when it is proven to be there."""
        self._wait_until_idle(table)
        state = self.tables[table.name]
        hot, cold = self._hot.digests(table, span), self._cold.digests(table, span)
        if all(cold.get(minute) == digest for minute, digest in hot.items()):
            state.forget(hot)
            return True
        for run in _runs({minute: digest.rows for minute, digest in hot.items()}, present=set(cold)):
            self._step()
            self._insert(table, run)
            state.rows += sum(digest.rows for minute, digest in hot.items() if run.start <= minute < run.end)
        for minute in (minute for minute in hot if minute in cold and cold[minute] != hot[minute]):
            self._step()
            self._mend(table, minute)
        return self._is_proven(table, span)

    def _insert(self, table: Table, span: Span, keys: Iterable[str] | None = None) -> None:
        self._cold.insert(table, self._hot.rows(table, span, keys))
        self._wait_until_idle(table)

    def _wait_until_idle(self, table: Table) -> None:
        """Wait for an insert that may still add rows; the end of its connection, or of its process, does not end it."""
        for _ in range(int(_IDLE_SECONDS / _POLL_SECONDS)):
            if not self._cold.is_inserting(table):
                return
            time.sleep(_POLL_SECONDS)
        raise UnavailableError(
            f"an earlier copy into {table.name} is still running", remedy="look at system.processes and the disk"
        )

    def _mend(self, table: Table, minute: int) -> None:
        """Copy what is missing of a minute that is there in part."""
        state = self.tables[table.name]
        missing = compare(self._hot.compared(table, minute), self._cold.compared(table, minute)).missing
        for start in range(0, len(missing), _KEYS):
            keys = missing[start : start + _KEYS]
            self._insert(table, Span(minute, minute + MINUTE), keys)
            state.rows += len(keys)
            state.late_rows += len(keys)

    def _is_proven(self, table: Table, span: Span) -> bool:
        """Tell whether every hot row of a span is in the cold database with the same content."""
        state = self.tables[table.name]
        hot, cold = self._hot.digests(table, span), self._cold.digests(table, span)
        state.forget(hot)
        missing = 0
        for minute in (minute for minute, digest in hot.items() if cold.get(minute) != digest):
            self._step()
            found = compare(self._hot.compared(table, minute), self._cold.compared(table, minute))
            missing += len(found.missing)
            if found.different:
                state.different[minute] = found.different
                _log.error("rows differ in the cold database", table=table.name, minute=minute, rows=found.different)
        return not missing and not any(minute in state.different for minute in hot)


def _joined(minutes: Iterable[int]) -> list[Span]:
    """Join neighbouring minutes of one day."""
    spans: list[Span] = []
    for minute in minutes:
        if spans and spans[-1].end == minute and minute % DAY:
            spans[-1] = Span(spans[-1].start, minute + MINUTE)
        else:
            spans.append(Span(minute, minute + MINUTE))
    return spans


def _runs(rows: dict[int, int], present: set[int]) -> list[Span]:
    """Divide the minutes that are not there into spans that can be copied at once.

    Args:
        rows: Rows by minute.
        present: Minutes that are there, in whole or in part; no span reaches over one.
    """
    runs: list[Span] = []
    room = 0
    for minute in sorted({*rows, *present}):
        count = rows.get(minute, 0)
        if minute in present:
            room = 0
        elif count <= room:
            runs[-1] = Span(runs[-1].start, minute + MINUTE)
            room -= count
        else:
            runs.append(Span(minute, minute + MINUTE))
            room = _COPY_ROWS - count
    return runs
