"""Missing trades as a backfill needs them: which ids, and what the ledger says of them."""

from dataclasses import dataclass

from marketprism.clickhouse_http import ClickHouseHttp, quoted
from marketprism.contract.catalog import HOT_DATABASE
from marketprism.contract.events import NOBODY, Gap
from marketprism.contract.instruments import Instrument, Source
from marketprism.ops.holes import Entry, Hole, subtract
from marketprism.ops.sequences import chained, trade_chain


@dataclass(frozen=True, slots=True)
class Wish:
    """Ids that are to be filled.

    Attributes:
        holes: What is missing; nothing where only the ledger is behind.
        gap: The ledger's open entry, which covers them all; None where none is to be closed.
        is_told: Whether that entry is in the ledger already.
    """

    holes: list[Hole]
    gap: Gap | None = None
    is_told: bool = True


class TradeGaps:
    """Asks the hot database about the trades of one instrument.

    Args:
        clickhouse: As the reader.
        source: The installation's own.
    """

    def __init__(self, clickhouse: ClickHouseHttp, source: Source, instrument: Instrument) -> None:
        self._clickhouse = clickhouse
        origin = {"source": source} | {name: getattr(instrument, name) for name in ("exchange", "market", "symbol")}
        self._where = " AND ".join(f"{name} = {quoted(value)}" for name, value in origin.items())

    def of_ledger(self) -> list[Wish]:
        """Return the open entries of the ledger, each with what is still missing of it.

        Raises:
            UnavailableError: ClickHouse does not answer.
        """
        return [Wish(self.missing(_hole(gap)), gap) for gap in self._open()]

    def of_range(self, wanted: Hole) -> list[Wish]:
        """Return what is missing of some ids; open entries that lie among them come as such.

        Raises:
            UnavailableError: ClickHouse does not answer.
        """
        told = [
            wish
            for wish in self.of_ledger()
            if wish.gap and wanted.after_id <= wish.gap.after_id and wish.gap.before_id <= wanted.before_id
        ]
        others = _without(self.missing(wanted), [_hole(wish.gap) for wish in told if wish.gap])
        return [*told, *([Wish(others)] if others else [])]

    def untold(self, since_us: int, until_us: int, now_ns: int) -> list[Wish]:
        """Return the holes among the rows of some time that no open entry speaks of, as after a restart.

        Raises:
            UnavailableError: ClickHouse does not answer.
        """
        entries = self._entries()
        wishes = []
        for hole, time_us in self._holes(since_us, until_us):
            for rest in _without([hole], [entry.hole for entry in entries if entry.is_open]):
                if _without([rest], [entry.hole for entry in entries]) != [rest]:
                    wishes.append(Wish([rest]))  # the ledger calls it healed
                    continue
                gap = Gap(
                    data_type="trade",
                    after_id=rest.after_id,
                    before_id=rest.before_id,
                    size=rest.size,
                    timestamp_us=time_us,
                    receive_ns=now_ns,
                )
                wishes.append(Wish([rest], gap, is_told=False))
        return wishes

    def missing(self, wanted: Hole) -> list[Hole]:
        """Return what no row has of some ids.

        Raises:
            UnavailableError: ClickHouse does not answer.
        """
        chain = trade_chain(
            HOT_DATABASE, f"{self._where} AND last_id > {wanted.after_id} AND first_id < {wanted.before_id}"
        )
        (ends,) = self._clickhouse.rows(
            f"SELECT count() AS rows, min(first_id) AS low, max(last_id) AS high FROM ({chain})"
        )
        if not ends["rows"]:
            return [wanted] if wanted.size else []
        inner = self._clickhouse.rows(
            f"SELECT before, first_id FROM ({chained(chain)})"
            " WHERE place > 1 AND first_id > before + 1 ORDER BY first_id"
        )
        holes = [Hole(row["before"], row["first_id"]) for row in inner]
        edges = [Hole(wanted.after_id, ends["low"]), *holes, Hole(ends["high"], wanted.before_id)]
        return [hole for hole in edges if hole.size]

    def _open(self) -> list[Gap]:
        rows = self._clickhouse.rows(
            "SELECT after_id, before_id, size, toUnixTimestamp64Micro(timestamp) AS timestamp_us,"
            f" toUnixTimestamp64Micro(detected_at) * 1000 AS receive_ns FROM {HOT_DATABASE}.gaps"
            f" WHERE {self._where} AND data_type = 'trade' AND healed_by = '' ORDER BY after_id"
        )
        return [Gap(data_type="trade", **row) for row in rows]

    def _entries(self) -> list[Entry]:
        rows = self._clickhouse.rows(
            f"SELECT after_id, before_id, healed_by FROM {HOT_DATABASE}.gaps"
            f" WHERE {self._where} AND data_type = 'trade'"
        )
        return [
            Entry(Hole(row["after_id"], row["before_id"]), is_open=row["healed_by"] in {"", NOBODY}) for row in rows
        ]

    def _holes(self, since_us: int, until_us: int) -> list[tuple[Hole, int]]:
        """Return the holes among the rows of some time, each with the time of the row after it."""
        times = (
            f"timestamp >= fromUnixTimestamp64Micro({since_us}, 'UTC')"
            f" AND timestamp < fromUnixTimestamp64Micro({until_us}, 'UTC')"
        )
        rows = self._clickhouse.rows(
            "SELECT before, first_id, toUnixTimestamp64Micro(timestamp) AS time_us"
            f" FROM ({chained(trade_chain(HOT_DATABASE, f'{self._where} AND {times}'))})"
            " WHERE place > 1 AND first_id > before + 1 ORDER BY first_id"
        )
        return [(Hole(row["before"], row["first_id"]), row["time_us"]) for row in rows]


def _hole(gap: Gap) -> Hole:
    return Hole(gap.after_id, gap.before_id)


def _without(holes: list[Hole], others: list[Hole]) -> list[Hole]:
    present = [(other.after_id + 1, other.before_id - 1) for other in others]
    return [rest for hole in holes for rest in subtract(hole, present)]
