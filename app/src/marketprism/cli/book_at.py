"""The command ``book-at``."""

import sys
import time
from itertools import zip_longest
from typing import Annotated

import typer

from marketprism import settings as configuration
from marketprism.cli import render
from marketprism.cli.moments import moment, utc
from marketprism.clickhouse_http import ClickHouseHttp
from marketprism.contract.catalog import COLD_DATABASE, HOT_DATABASE
from marketprism.contract.instruments import Exchange, Market, require_symbol
from marketprism.errors import ConfigurationError
from marketprism.ops import book_at as rebuilding
from marketprism.ops.book_at import Book, Wanted


def book_at(
    exchange: Annotated[Exchange, typer.Argument(help="Exchange.")],
    market: Annotated[Market, typer.Argument(help="Market.")],
    symbol: Annotated[str, typer.Argument(help="Canonical symbol, such as BTC-USDT.")],
    time_: Annotated[
        str, typer.Argument(metavar="TIME", help="UTC, or a duration before now: 2026-01-01T12:00:00, 5m.")
    ],
    depth: Annotated[int, typer.Option(help="Levels a side, at most.", min=1)] = 20,
    database: Annotated[str, typer.Option(help=f"{HOT_DATABASE}, or {COLD_DATABASE} for older days.")] = HOT_DATABASE,
    sql: Annotated[bool, typer.Option("--sql", help="Print the query instead of the book.")] = False,
    as_json: render.Json = False,
) -> None:
    """Show an order book as it was: the last snapshot and every change after it, exact."""
    if database not in {HOT_DATABASE, COLD_DATABASE}:
        raise ConfigurationError(
            f"database {database!r} has no books", remedy=f"it is {HOT_DATABASE} or {COLD_DATABASE}"
        )
    settings = configuration.load()
    wanted = Wanted(
        database=database,
        source=settings.source,
        exchange=exchange,
        market=market,
        symbol=require_symbol(symbol),
        time_us=moment("TIME", time_, time.time_ns() // 1000),
        depth=depth,
    )
    if sql:
        sys.stdout.write(rebuilding.levels_sql(wanted) + "\n")
        return
    server = settings.cold if database == COLD_DATABASE else None
    book = rebuilding.book_at(ClickHouseHttp(settings, "reader", server), wanted)
    if as_json:
        render.as_json(_facts(wanted, book) | {"bids": book.bids, "asks": book.asks})
    else:
        _show(wanted, book)


def _facts(wanted: Wanted, book: Book) -> dict[str, object]:
    evidence = book.evidence
    return {
        "book": str(wanted),
        "time": utc(wanted.time_us),
        "changed": utc(evidence.last_us),
        "update_id": evidence.last_id,
        "snapshot": utc(evidence.snapshot_us),
        "snapshot_id": evidence.snapshot_id,
        "changes": evidence.changes,
    }


def _show(wanted: Wanted, book: Book) -> None:
    for name, value in _facts(wanted, book).items():
        typer.echo(f"{name:12} {value}")
    rows = [(*bid[::-1], *ask) for bid, ask in zip_longest(book.bids, book.asks, fillvalue=("", ""))]
    render.rows(("bid quantity", "bid", "ask", "ask quantity"), rows)
