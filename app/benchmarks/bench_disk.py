"""Bytes on disk of recorded trades and of the levels of recorded book changes, after merging, over all columns.

The rows are made by the collector's and the storage service's own code: envelopes of up to 50 events or 10 ms, as they
would have been stored live. The earlier style is what such a schema commonly looks like: names as String, numbers as
Float64, the server's default codec.
"""

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import msgspec
from tests.integration.servers import ClickHouseServer

from benchmarks.frames import SYMBOL, Session
from benchmarks.report import Row, Show
from benchmarks.stack import running
from marketprism.contract import wire
from marketprism.contract.catalog import HOT_DATABASE, subject
from marketprism.contract.instruments import Instrument, Source
from marketprism.contract.tables import TABLES
from marketprism.ops.replay import read_lines, replay
from marketprism.pipeline.feed import Feed
from marketprism.pipeline.outputs import Record
from marketprism.settings import load
from marketprism.storage import service
from marketprism.storage.columns import Rows
from marketprism.venues.binance.adapter import Binance
from marketprism.venues.binance.markets import MARKETS, BinanceMarket, instrument
from marketprism.venues.protocol import RestRequest

RECORDINGS = {
    "binance-usdm": ("hftbacktest/usdm/btcusdt_20240808.gz",),
    "binance-spot": ("hftbacktest/spot/btcusdt_20240808.gz", "hftbacktest/spot/btcusdt_20240809.gz"),
}
"""Files by venue, in order of time."""

ENVELOPE_NS = 10_000_000
TARGETS = {"trade": "6.5", "orderbook_delta": "3.8"}

EARLIER = {
    "trade": {
        "exchange String": "exchange",
        "market String": "market",
        "symbol String": "symbol",
        "timestamp DateTime64(6)": "timestamp",
        "event_time DateTime64(6)": "event_time",
        "received_at DateTime64(6)": "received_at",
        "trade_id String": "toString(trade_id)",
        "price Float64": "toFloat64(price)",
        "quantity Float64": "toFloat64(quantity)",
        "side String": "toString(side)",
        "inserted_at DateTime64(3)": "inserted_at",
    },
    "orderbook_delta": {
        "exchange String": "exchange",
        "market String": "market",
        "symbol String": "symbol",
        "timestamp DateTime64(6)": "timestamp",
        "received_at DateTime64(6)": "received_at",
        "first_update_id UInt64": "first_update_id",
        "last_update_id UInt64": "last_update_id",
        **{
            f"{side}_{what} Array(Float64)": f"arrayMap(x -> toFloat64(x), {side}_{what})"
            for side in ("bid", "ask")
            for what in ("prices", "quantities")
        },
        "inserted_at DateTime64(3)": "inserted_at",
    },
}
"""By data type: the columns of the earlier style, and what fills them from our table."""

COUNTS = {
    "trade": "count()",
    "orderbook_delta": "sum(length(bid_price_integers) + length(ask_price_integers))",
}


async def run(session: Session, recordings: Path | None, show: Show) -> None:
    async with running() as stack:
        clickhouse = service.connect(load(stack.config_file, environ={}))
        for rows in stored_rows(recorded(session, recordings)):
            clickhouse.insert(HOT_DATABASE, rows.table, rows.columns)
        clickhouse.close()
        found = [row for data_type in EARLIER for row in measure(stack.clickhouse, data_type)]
        show(f"bytes on disk, {session.origin}", found)


def measure(server: ClickHouseServer, data_type: str) -> list[Row]:
    table, what = TABLES[data_type].name, "trade" if data_type == "trade" else "book level"
    columns, selected = ", ".join(EARLIER[data_type]), ", ".join(EARLIER[data_type].values())
    server.query(
        f"CREATE TABLE {HOT_DATABASE}.earlier_{table} ({columns}) ENGINE = MergeTree PARTITION BY toDate(timestamp)"
        " ORDER BY (exchange, market, symbol, timestamp)"
    )
    server.query(f"INSERT INTO {HOT_DATABASE}.earlier_{table} SELECT {selected} FROM {HOT_DATABASE}.{table}")
    count = server.number(f"SELECT {COUNTS[data_type]} FROM {HOT_DATABASE}.{table}")
    earlier, ours = (
        Row(name=f"{name}, {count} of {what}", unit=f"bytes/{what}", values=[disk_bytes(server, each) / count])
        for name, each in (("earlier style", f"earlier_{table}"), ("ours", table))
    )
    own = msgspec.structs.replace(ours, target=TARGETS[data_type])
    return [own, earlier.beaten_by(own)]


def disk_bytes(server: ClickHouseServer, table: str) -> int:
    server.query(f"OPTIMIZE TABLE {HOT_DATABASE}.{table} FINAL")
    return server.number(
        "SELECT sum(bytes_on_disk) FROM system.parts"
        f" WHERE active AND database = '{HOT_DATABASE}' AND table = '{table}'"
    )


def recorded(session: Session, recordings: Path | None) -> Iterator[Record]:
    """Yield what all recordings hold, or the session where there are none."""
    if recordings is not None and (recordings / "hftbacktest").is_dir():
        for venue, paths in RECORDINGS.items():
            lines = (line for path in paths for line in read_lines(recordings / path))
            yield from records(MARKETS[venue], lines)
    else:
        lines = iter([(session.frames[0][0], session.image), *session.frames])
        yield from records(MARKETS["binance-usdm"], lines)


def records(market: BinanceMarket, lines: Iterator[tuple[int, bytes]]) -> Iterator[Record]:
    about = instrument(market, SYMBOL)
    venue = Binance(market, [about], ("trade", "orderbook", "orderbook_delta"))
    (request,) = venue.book_request(about)
    assert isinstance(request, RestRequest)
    for _, output in replay(lines, Feed(venue, book_changes=True), request):
        if isinstance(output, Record) and output.data_type in EARLIER:
            yield output


def stored_rows(found: Iterator[Record]) -> Iterator[Rows]:
    """Yield rows as the writer makes them, some ten thousand at once."""
    by_type: dict[str, list[Record]] = {}
    for record in found:
        by_type.setdefault(record.data_type, []).append(record)
    for data_type, all_of_type in by_type.items():
        rows = Rows(data_type)
        for sequence, (about, events) in enumerate(envelopes(all_of_type), 1):
            payload = wire.encode(data_type, Source.REPLAYED, about, events)
            rows.extend([wire.decode(subject(data_type, about), payload)], 1, [sequence])
            if len(rows) >= 10_000:
                yield rows
                rows = Rows(data_type)
        yield rows


def envelopes(found: list[Record]) -> Iterator[tuple[Instrument, list[object]]]:
    """Group events as the publisher does: of one instrument, at most 50, at most 10 ms."""
    for (about, _), group in groupby(found, lambda each: (each.instrument, each.event.receive_ns // ENVELOPE_NS)):
        events = [record.event for record in group]
        for first in range(0, len(events), wire.MAX_EVENTS):
            yield about, events[first : first + wire.MAX_EVENTS]
