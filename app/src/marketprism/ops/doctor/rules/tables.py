"""ClickHouse: what it holds, whether it takes writes, and whether the newest rows are new."""

import re
from collections.abc import Iterable, Iterator

from marketprism.ops.doctor.catalogue import PROBLEMS, Severity
from marketprism.ops.doctor.evidence import Evidence, Feed
from marketprism.ops.doctor.findings import Certainty, Finding

COLLECTOR = "marketprism-collector.service"
PARTS = 300
"""Active parts of one partition; merges keep it far below, and inserts are slowed down from 1000 on."""
SHOWN_FEEDS = 5
_READ_ONLY = re.compile(
    r"error (164|242)\b|read-only file system|readonly mode|TABLE_IS_READ_ONLY|the user may only read", re.IGNORECASE
)
_TOO_MANY = re.compile(r"error 252\b|too many parts", re.IGNORECASE)
_REST = frozenset({"paused", "delisted"})


def storage_waits(evidence: Evidence) -> list[str]:
    """Return what the flows of hot storage wait for: ``MARKET_DATA: ClickHouse: …``."""
    waits = evidence.details("storage_hot").get("waits")
    return [f"{name}: {cause}" for name, cause in waits.items()] if isinstance(waits, dict) else []


def clickhouse_readonly(evidence: Evidence) -> Iterator[Finding]:
    """Find a server that answers and takes no rows."""
    waits = [f"storage waits, {wait[:300]}" for wait in storage_waits(evidence) if _READ_ONLY.search(wait)]
    disks = [
        f"disk {name} of ClickHouse is read-only"
        for name in (evidence.tables.read_only_disks if evidence.tables else ())
    ]
    disks += [f"{d.path} is mounted read-only" for d in evidence.disks if d.read_only and "clickhouse" in d.path]
    if disks or waits:
        yield Finding(problem="clickhouse-readonly", evidence=(*disks, *waits))


def too_many_parts(evidence: Evidence) -> Iterator[Finding]:
    """Find partitions whose parts are not merged."""
    tables = evidence.tables
    waits = [f"storage waits, {wait[:300]}" for wait in storage_waits(evidence) if _TOO_MANY.search(wait)]
    many = tables is not None and tables.parts is not None and tables.parts > PARTS
    if tables is not None and many:
        waits.insert(0, f"{tables.parts_of} has {tables.parts} parts, {tables.merges or 0} merges run")
    if waits:
        yield Finding(
            problem="too-many-parts",
            evidence=tuple(waits),
            # As long as no insert is refused nothing else follows.
            consequences=None if storage_waits(evidence) else frozenset(),
        )


def schema_drift(evidence: Evidence) -> Iterator[Finding]:
    """Find tables that are not as the contract says; only a missing table or column keeps rows out."""
    if evidence.schema_drift:
        stops = any("is missing" in text and "INDEX" not in text for text in evidence.schema_drift)
        yield Finding(
            problem="schema-drift",
            evidence=evidence.schema_drift,
            consequences=PROBLEMS["schema-drift"].consequences if stops else frozenset(),
            severity=Severity.BROKEN if stops else None,
        )


def sequence_gaps(evidence: Evidence) -> Iterator[Finding]:
    """Find holes of the last hour that nobody healed."""
    if evidence.tables is not None and evidence.tables.open_gaps:
        gaps = evidence.tables.open_gaps
        more = (f"and {len(gaps) - SHOWN_FEEDS} more",) if len(gaps) > SHOWN_FEEDS else ()
        yield Finding(problem="sequence-gaps", evidence=(*gaps[:SHOWN_FEEDS], *more))


def freshness(evidence: Evidence) -> Iterator[Finding]:
    """Find what does not arrive: nothing at all, the order books alone, or single feeds."""
    tables = evidence.tables
    if tables is None:
        return
    stale = stale_feeds(evidence)
    if not stale:
        return
    if not any(tables.rows.get(feed.data_type, 0) for feed in tables.feeds):
        empty = ", ".join(sorted({feed.data_type for feed in tables.feeds}))
        yield Finding(problem="no-data", evidence=(f"no row of {empty}",), venues=_venues(stale))
        return
    books = [feed for feed in stale if feed.data_type == "orderbook"]
    all_books = [feed for feed in tables.feeds if feed.data_type == "orderbook"]
    others = [feed for feed in stale if feed.data_type not in {"orderbook", "orderbook_delta"}]
    if books and len(books) == len(all_books) and _trades_arrive(tables.feeds, books):
        yield Finding(
            problem="orderbooks-empty", evidence=(*_sentences(books), *_book_states(evidence)), venues=_venues(books)
        )
        stale = others
    if stale:
        everything = len(stale) == len(tables.feeds)
        yield Finding(
            problem="stale-data",
            evidence=(*_sentences(stale), *_upstream(evidence, stale)),
            certainty=Certainty.SURE,
            venues=_venues(stale),
            severity=Severity.BROKEN if everything else None,
        )


def _trades_arrive(feeds: Iterable[Feed], books: list[Feed]) -> bool:
    """Tell whether every venue without books has a trade younger than its books may be.

    Books are the first to be late when nothing comes at all.
    """
    trades = [feed for feed in feeds if feed.data_type == "trade"]
    return all(
        any(trade.venue == book.venue and trade.age is not None and trade.age < book.limit for trade in trades)
        for book in books
    )


def stale_feeds(evidence: Evidence) -> list[Feed]:
    """Return the feeds that are too old, without those that rest at the exchange or had no time yet to arrive."""
    unit = (evidence.units or {}).get(COLLECTOR)
    running = evidence.now - unit.since if unit is not None and unit.since and unit.state == "active" else None
    return [
        feed
        for feed in (evidence.tables.feeds if evidence.tables is not None else ())
        if (feed.age is None or feed.age > feed.limit)
        and (running is None or running > feed.limit)
        and _state(evidence, feed) not in _REST
    ]


def _state(evidence: Evidence, feed: Feed) -> str:
    feeds = evidence.venues().get(feed.venue, {}).get("feeds") or {}
    return str((feeds.get(feed.data_type) or {}).get(feed.symbol, ""))


def _venues(feeds: list[Feed]) -> frozenset[str]:
    return frozenset(feed.venue for feed in feeds)


def _sentences(feeds: list[Feed]) -> list[str]:
    shown = [
        f"{feed.venue} {feed.data_type} {feed.symbol}: "
        + ("no row in the last hour" if feed.age is None else f"newest row is {feed.age:.0f} s old")
        + f", limit {feed.limit:.0f} s"
        for feed in feeds[:SHOWN_FEEDS]
    ]
    return shown + ([f"and {len(feeds) - SHOWN_FEEDS} more feeds"] if len(feeds) > SHOWN_FEEDS else [])


def _book_states(evidence: Evidence) -> list[str]:
    return [
        f"the collector's books of {name}: "
        + ", ".join(f"{symbol} {state}" for symbol, state in venue["books"].items())
        for name, venue in evidence.venues().items()
        if venue.get("books")
    ]


def _upstream(evidence: Evidence, feeds: list[Feed]) -> list[str]:
    """Say what the collector knows of the first stale feed, so that one sees on which side it ends."""
    feed = feeds[0]
    ages = evidence.venues().get(feed.venue, {}).get("age_seconds") or {}
    age = (ages.get(feed.data_type) or {}).get(feed.symbol)
    return [] if age is None else [f"the collector saw {feed.venue} {feed.data_type} {feed.symbol} {age:.0f} s ago"]
