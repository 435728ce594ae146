"""The columns of every table.

Numbers: trades keep ``Decimal(38, 18)``; order books keep 64-bit integers with one scale per row behind decimal
aliases, because arrays of integers compress best. Times other than ``timestamp`` are kept as the difference to it:
small differences compress to a fraction of a full time. Every row carries its place in the stream
(``stream_epoch, stream_seq, item``), so that the rows themselves tell what has been stored.
"""

from dataclasses import dataclass

from marketprism.contract.catalog import COLD_DATABASE, DATA_TYPES


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column.

    Attributes:
        codec: Arguments of CODEC(); empty for the server's default.
        sent_as: Type in which the writer sends the values, where the server converts them.
        alias: Expression of a computed column; such a column is not inserted.
        default: Expression for a column that the server fills.
    """

    name: str
    type: str
    codec: str = ""
    sent_as: str = ""
    alias: str = ""
    default: str = ""

    @property
    def is_inserted(self) -> bool:
        """Whether the writer sends values for it."""
        return not self.alias and not self.default


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One table, in the hot and in the cold database alike."""

    name: str
    columns: tuple[Column, ...]
    order_by: tuple[str, ...]
    indices: tuple[str, ...] = ("INDEX by_stream_seq stream_seq TYPE minmax GRANULARITY 4",)
    partition_by: str = "toDate(timestamp)"
    settings: tuple[str, ...] = (
        "non_replicated_deduplication_window = 10000",
        "fsync_after_insert = 1",
        "fsync_part_directory = 1",
    )

    @property
    def inserted(self) -> tuple[Column, ...]:
        """The columns that the writer sends, in order."""
        return tuple(c for c in self.columns if c.is_inserted)

    @property
    def time(self) -> str:
        """The column whose UTC days are the partitions."""
        return self.partition_by.removeprefix("toDate(").removesuffix(")")


def _token(name: str) -> Column:
    return Column(name=name, type="LowCardinality(String)")


def _delay(name: str) -> Column:
    return Column(name=name, type="Int64", codec="ZSTD(1)")


def _time_alias(name: str, delay: str) -> Column:
    return Column(name=name, type="DateTime64(6, 'UTC')", alias=f"timestamp + toIntervalMicrosecond({delay})")


def _decimal(name: str) -> Column:
    return Column(name=name, type="Decimal(38, 18)", codec="GCD, ZSTD(1)", sent_as="String")


def _levels(name: str) -> Column:
    return Column(name=name, type="Array(Int64)", codec="GCD, Delta, ZSTD(1)" if "price" in name else "GCD, ZSTD(1)")


def _levels_alias(name: str, integers: str, scale: str) -> Column:
    return Column(
        name=name,
        type="Array(Decimal(38, 18))",
        alias=f"arrayMap(x -> toDecimal128(x, 18) / intExp10({scale}), {integers})",
    )


_ORIGIN = tuple(_token(name) for name in ("source", "exchange", "market", "symbol", "instrument"))
_TIMESTAMP = Column(name="timestamp", type="DateTime64(6, 'UTC')", codec="Delta, ZSTD(1)")
_STREAM_PLACE = (
    Column(name="stream_epoch", type="UInt32", codec="ZSTD(1)"),
    Column(name="stream_seq", type="UInt64", codec="Delta, ZSTD(1)"),
    Column(name="item", type="UInt16", codec="Delta, ZSTD(1)"),
    Column(name="inserted_at", type="DateTime64(3, 'UTC')", codec="Delta, ZSTD(1)", default="now64(3)"),
)
_BY_SYMBOL = ("source", "exchange", "market", "symbol", "timestamp")

TABLES: dict[str, Table] = {
    "trade": Table(
        name=DATA_TYPES["trade"].table,
        columns=(
            *_ORIGIN,
            _TIMESTAMP,
            _delay("event_delay_us"),
            _delay("receive_delay_us"),
            Column(name="id_kind", type="Enum8('fill' = 1, 'aggregate' = 2)"),
            Column(name="trade_id", type="UInt64", codec="Delta, ZSTD(1)"),
            Column(name="first_fill_id", type="UInt64", codec="Delta, ZSTD(1)"),
            Column(name="last_fill_id", type="UInt64", codec="Delta, ZSTD(1)"),
            _decimal("price"),
            _decimal("quantity"),
            Column(name="side", type="Enum8('buy' = 1, 'sell' = 2)"),
            *_STREAM_PLACE,
            _time_alias("event_time", "event_delay_us"),
            _time_alias("received_at", "receive_delay_us"),
        ),
        order_by=(*_BY_SYMBOL, "trade_id"),
    ),
    "orderbook": Table(
        name=DATA_TYPES["orderbook"].table,
        columns=(
            *_ORIGIN,
            _TIMESTAMP,
            _delay("receive_delay_us"),
            Column(name="update_id", type="UInt64", codec="Delta, ZSTD(1)"),
            Column(name="reason", type="Enum8('interval' = 1, 'resync' = 2)"),
            Column(name="price_scale", type="UInt8"),
            Column(name="quantity_scale", type="UInt8"),
            _levels("bid_price_integers"),
            _levels("bid_quantity_integers"),
            _levels("ask_price_integers"),
            _levels("ask_quantity_integers"),
            *_STREAM_PLACE,
            _time_alias("received_at", "receive_delay_us"),
            _levels_alias("bid_prices", "bid_price_integers", "price_scale"),
            _levels_alias("bid_quantities", "bid_quantity_integers", "quantity_scale"),
            _levels_alias("ask_prices", "ask_price_integers", "price_scale"),
            _levels_alias("ask_quantities", "ask_quantity_integers", "quantity_scale"),
        ),
        order_by=(*_BY_SYMBOL, "update_id"),
    ),
}
"""Tables by data type."""

WATERMARKS = Table(
    name="watermarks",
    columns=(
        _token("table_name"),
        Column(name="watermark", type="DateTime('UTC')", codec="Delta, ZSTD(1)"),
        Column(name="inserted_at", type="DateTime64(3, 'UTC')", codec="Delta, ZSTD(1)", default="now64(3)"),
    ),
    order_by=("table_name", "inserted_at"),
    indices=(),
    partition_by="toDate(inserted_at)",
)
"""How far each table is copied into the cold database; the highest watermark counts."""


def tables_of(database: str) -> tuple[Table, ...]:
    """Return the tables of one database."""
    return (*TABLES.values(), WATERMARKS) if database == COLD_DATABASE else tuple(TABLES.values())
