"""A book as it was at any time: the last stored snapshot and the changes after it, put together by ClickHouse.

Changes are taken by the exchange's update ids, whatever their order in the stream; of each price the newest counts. A
snapshot holds the best levels of each side, so a price beyond its last one is not known unless it changed since: the
book ends there. The side with fewer levels than the other was not cut, and is known as a whole.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from marketprism.clickhouse_http import ClickHouseHttp, quoted
from marketprism.contract.catalog import DATA_TYPES, ORIGIN
from marketprism.contract.instruments import Exchange, Market, Source
from marketprism.contract.venues import CONTIGUOUS_BOOKS
from marketprism.errors import MarketPrismError

Level = tuple[str, str]
"""Price, and quantity in base currency, as decimal text."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class UnprovenBookError(MarketPrismError):
    """What is stored does not prove how the book was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which book, and when.

    Attributes:
        database: Hot or cold.
        time_us: The exchange's time, UTC microseconds; changes of this microsecond are in.
        depth: Levels a side, at most.
    """

    database: str
    source: Source
    exchange: Exchange
    market: Market
    symbol: str
    time_us: int
    depth: int

    def __str__(self) -> str:
        return f"{self.source} {self.exchange}.{self.market}.{self.symbol}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What is stored around the time. Times are UTC microseconds.

    Attributes:
        snapshot_id: Update id of the last snapshot.
        snapshot_us: Its time; 0 without one.
        changes: Changes after it, up to the wanted time.
        collected: Changes from its own time on, up to the next snapshot.
        last_id: Update id of the last of them, else of the snapshot.
        last_us: Its time.
        lost_after: First id after which a change before the next snapshot is missing, where ids are contiguous; else 0.
        restarts: Changes later than the snapshot with a smaller id: the exchange's ids started anew.
        hole_after: Smallest id of the ledger's holes of this book from the snapshot on; 0 without one.
        next_id: Update id of the next snapshot; 0 without one.
        next_reason: Why it was published; empty without one.
        next_reached: Changes that end with its id.
    """

    snapshot_id: int
    snapshot_us: int
    changes: int
    collected: int
    last_id: int
    last_us: int
    lost_after: int
    restarts: int
    hole_after: int
    next_id: int
    next_reason: str
    next_reached: int

    @property
    def is_alone(self) -> bool:
        """Whether nothing but the snapshot is stored, and the book may have changed since."""
        return not self.collected and self.next_id != self.snapshot_id


@dataclass(frozen=True, slots=True)
class Book:
    """A book, the best levels first."""

    evidence: Evidence
    bids: list[Level]
    asks: list[Level]


def book_at(clickhouse: ClickHouseHttp, wanted: Wanted) -> Book:
    """Rebuild a book.

    Raises:
        UnprovenBookError: What is stored does not prove how it was.
        UnavailableError: ClickHouse does not answer.
    """
    evidence = Evidence(**clickhouse.rows(evidence_sql(wanted))[0])
    require_proof(wanted, evidence)
    rows = clickhouse.rows(levels_sql(wanted))
    bids, asks = ([(row["price"], row["quantity"]) for row in rows if row["side"] == side] for side in ("bid", "ask"))
    return Book(evidence, bids, asks)


def require_proof(wanted: Wanted, evidence: Evidence) -> None:
    """Refuse to show a book that may have been another one.

    Raises:
        UnprovenBookError: With what is missing.
    """
    why = _doubt(wanted, evidence)
    if not why:
        return
    remedy = "choose a time after the next snapshot, or see the ledger: SELECT * FROM gaps"
    if evidence.snapshot_us and evidence.is_alone:
        own_time = _EPOCH + timedelta(microseconds=evidence.snapshot_us)
        remedy = f"collect 'orderbook_delta', or take the snapshot's own time, {own_time.isoformat()}"
    raise UnprovenBookError(f"the book of {wanted} at that time is not known: {why}", remedy=remedy)


def _doubt(wanted: Wanted, evidence: Evidence) -> str:
    if evidence.snapshot_us == 0:
        return "there is no snapshot at or before it"
    if wanted.time_us == evidence.snapshot_us:
        return ""
    if evidence.is_alone:
        return "no change of it is stored since the last snapshot"
    is_last_change = wanted.time_us == evidence.last_us
    last_open = evidence.last_id - is_last_change  # at its very time the last change is known, whatever follows
    limit = DATA_TYPES["orderbook"].freshness_seconds
    assert limit is not None, "a book without news is stale"
    doubts = {
        f"the changes after update id {evidence.lost_after} are missing": 0 < evidence.lost_after <= last_open,
        "the exchange's update ids started anew since the snapshot": evidence.restarts,
        f"the ledger has a hole after update id {evidence.hole_after}": 0 < evidence.hole_after <= last_open,
        "the next snapshot is of a book that had started anew": evidence.next_reason == "resync",
        f"no stored change leads to the next snapshot, of update id {evidence.next_id}": (
            evidence.next_reason
            and not is_last_change
            and not evidence.next_reached
            and evidence.next_id != evidence.last_id
        ),
        f"nothing is stored after update id {evidence.last_id}": (
            not evidence.next_reason and wanted.time_us > evidence.last_us + limit * 1_000_000
        ),
    }
    return next((why for why, holds in doubts.items() if holds), "")


def levels_sql(wanted: Wanted) -> str:
    """Render the query of the book: side, price and quantity, the best level of each side first."""
    return f"""\
WITH
    snapshot AS
    (
        {_snapshot(wanted, "timestamp, update_id, bid_prices, bid_quantities, ask_prices, ask_quantities")}
    ),
    changes AS
    (
        SELECT last_update_id AS update_id, bid_prices, bid_quantities, ask_prices, ask_quantities
        FROM {wanted.database}.orderbook_deltas
        WHERE {_place(wanted)}
            AND timestamp BETWEEN (SELECT timestamp FROM snapshot) AND {_time(wanted.time_us)}
            AND last_update_id > (SELECT update_id FROM snapshot)
    ),
    levels AS
    (
        {_levels("bid", "snapshot")}
        UNION ALL {_levels("ask", "snapshot")}
        UNION ALL {_levels("bid", "changes")}
        UNION ALL {_levels("ask", "changes")}
    ),
    (SELECT if(length(bid_prices) < length(ask_prices), 0, bid_prices[-1]) FROM snapshot) AS lowest_bid,
    (SELECT if(length(ask_prices) < length(bid_prices), 0, ask_prices[-1]) FROM snapshot) AS highest_ask
SELECT side, toString(book.price) AS price, toString(book.quantity) AS quantity
FROM (SELECT side, price, argMax(quantity, update_id) AS quantity FROM levels GROUP BY side, price) AS book
WHERE book.quantity > 0
    AND if(side = 'bid', book.price >= lowest_bid, highest_ask = 0 OR book.price <= highest_ask)
ORDER BY side DESC, if(side = 'bid', -book.price, book.price)
LIMIT {wanted.depth} BY side"""


def evidence_sql(wanted: Wanted) -> str:
    """Render the query of one row, the fields of `Evidence`."""
    contiguous = int((wanted.exchange, wanted.market) in CONTIGUOUS_BOOKS)
    at = _time(wanted.time_us)
    after = f"timestamp >= (SELECT timestamp FROM snapshot) AND {_place(wanted)}"
    return f"""\
WITH
    snapshot AS ({_snapshot(wanted, "timestamp, update_id")}),
    following AS
    (
        SELECT timestamp, update_id, toString(reason) AS reason FROM {wanted.database}.orderbooks
        WHERE {_place(wanted)} AND timestamp > {at} ORDER BY timestamp LIMIT 1
    ),
    later AS
    (
        SELECT timestamp, first_update_id, last_update_id FROM {wanted.database}.orderbook_deltas
        WHERE {after} AND timestamp <= (SELECT greatest(max(timestamp), {at}) FROM following)
    ),
    changes AS
    (
        SELECT *, max(last_update_id) OVER (ORDER BY last_update_id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS
            before
        FROM later WHERE last_update_id > (SELECT update_id FROM snapshot)
    )
SELECT
    (SELECT max(update_id) FROM snapshot) AS snapshot_id,
    (SELECT max(toUnixTimestamp64Micro(timestamp)) FROM snapshot) AS snapshot_us,
    countIf(timestamp <= {at}) AS changes,
    (SELECT count() FROM later) AS collected,
    greatest(maxIf(last_update_id, timestamp <= {at}), snapshot_id) AS last_id,
    greatest(maxIf(toUnixTimestamp64Micro(timestamp), timestamp <= {at}), snapshot_us) AS last_us,
    ifNull(
        minIf(greatest(before, snapshot_id), {contiguous} AND first_update_id > greatest(before, snapshot_id) + 1), 0
    ) AS lost_after,
    (
        SELECT count() FROM later
        WHERE timestamp > (SELECT timestamp FROM snapshot) AND timestamp <= {at}
            AND last_update_id < (SELECT update_id FROM snapshot)
    ) AS restarts,
    (
        SELECT min(after_id) FROM {wanted.database}.gaps
        WHERE {after} AND data_type = 'orderbook' AND after_id >= (SELECT update_id FROM snapshot)
    ) AS hole_after,
    (SELECT max(update_id) FROM following) AS next_id,
    (SELECT any(reason) FROM following) AS next_reason,
    countIf(last_update_id = next_id) AS next_reached
FROM changes"""


def _snapshot(wanted: Wanted, columns: str) -> str:
    return (
        f"SELECT {columns} FROM {wanted.database}.orderbooks"
        f" WHERE {_place(wanted)} AND timestamp <= {_time(wanted.time_us)}"
        " ORDER BY timestamp DESC, update_id DESC LIMIT 1"
    )


def _levels(side: str, rows: str) -> str:
    return (
        f"SELECT '{side}' AS side, update_id, price, quantity FROM {rows}"
        f" ARRAY JOIN {side}_prices AS price, {side}_quantities AS quantity"
    )


def _place(wanted: Wanted) -> str:
    return " AND ".join(f"{name} = {quoted(getattr(wanted, name))}" for name in ORIGIN)


def _time(time_us: int) -> str:
    return f"fromUnixTimestamp64Micro({time_us}, 'UTC')"
