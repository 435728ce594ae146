"""Rows for the cold tier's tests: trades and books in the hot database, and all values of either database as text."""

from marketprism.contract.catalog import COLD_DATABASE, HOT_DATABASE
from marketprism.contract.tables import TABLES
from tests.integration.servers import ClickHouseServer

TRADES, BOOKS = TABLES["trade"], TABLES["orderbook"]
_PLACE = "source, exchange, market, symbol, instrument, timestamp"


def add_trades(
    server: ClickHouseServer,
    start: str,
    count: int,
    *,
    first: int = 1,
    per_minute: int = 100,
    inserted: str = "now64(3)",
) -> None:
    """Insert trades of growing ids from a time on; ``inserted`` is an expression for when that was."""
    server.query(
        f"INSERT INTO {HOT_DATABASE}.trades ({_PLACE}, event_delay_us, receive_delay_us, id_kind, trade_id,"
        " first_fill_id, last_fill_id, price, quantity, side, stream_epoch, stream_seq, item, inserted_at)"
        f" SELECT 'simulated', 'binance', 'spot', if(id % 2, 'BTC-USDT', 'ETH-USDT'), 'X',"
        f" toDateTime64('{start}', 6, 'UTC') + number * 60 / {per_minute},"
        " 3, 1000 + id, 'fill', id, id, id, toDecimal128(concat(toString(id), '.000000000001'), 18),"
        " toDecimal128('9999999999999.5', 18), if(id % 3, 'buy', 'sell'), 7, id, 0,"
        f" {inserted} FROM (SELECT number, number + {first} AS id FROM numbers({count}))",
        max_partitions_per_insert_block="0",
    )


def add_books(server: ClickHouseServer, start: str, count: int, *, inserted: str = "now64(3)") -> None:
    """Insert one book a second from a time on."""
    server.query(
        f"INSERT INTO {HOT_DATABASE}.orderbooks ({_PLACE}, receive_delay_us, update_id, reason, price_scale,"
        " quantity_scale, bid_price_integers, bid_quantity_integers, ask_price_integers, ask_quantity_integers,"
        " stream_epoch, stream_seq, item, inserted_at) SELECT 'simulated', 'binance', 'spot',"
        f" 'BTC-USDT', 'X', toDateTime64('{start}', 6, 'UTC') + number, 1000, number, 'interval', 2, 3,"
        f" [number, number - 1], [5, 6], [number + 1], [7], 8, number, 0, {inserted} FROM numbers({count})"
    )


def add_to_every_table(server: ClickHouseServer, start: str, count: int) -> None:
    """Insert rows that differ in time, symbol and place in the stream; everything else is zero, empty or null."""
    for table in TABLES.values():
        server.query(
            f"INSERT INTO {HOT_DATABASE}.{table.name} (source, symbol, timestamp, stream_epoch, stream_seq)"
            f" SELECT 'simulated', toString(number), toDateTime64('{start}', 6, 'UTC') + number, 7, number"
            f" FROM numbers({count})"
        )


def values(server: ClickHouseServer, database: str, condition: str = "1") -> list[str]:
    """Return every inserted column of every row of every table, in order; a row that is there twice shows twice."""
    lines = []
    for table in TABLES.values():
        names = ", ".join(column.name for column in table.inserted)
        rows = server.query(f"SELECT {names} FROM {database}.{table.name} WHERE {condition} ORDER BY ALL")
        lines += [f"{table.name}\t{row}" for row in rows.splitlines()]
    return lines


def hot(server: ClickHouseServer, condition: str = "1") -> list[str]:
    return values(server, HOT_DATABASE, condition)


def cold(server: ClickHouseServer) -> list[str]:
    return values(server, COLD_DATABASE)


def fingerprint(server: ClickHouseServer, database: str, condition: str = "1") -> str:
    """Return the trades' count, distinct ids and a sum of hashes over all columns; for more than can be printed."""
    names = ", ".join(column.name for column in TRADES.inserted)
    return server.query(
        f"SELECT count(), uniqExact(trade_id), sum(sipHash64({names})) FROM {database}.trades WHERE {condition}"
    )
