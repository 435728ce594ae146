"""The columns of every table.

Numbers: trades keep ``Decimal(38, 18)``; order books keep 64-bit integers with one scale per row behind decimal
aliases, because arrays of integers compress best. Times other than ``timestamp`` are kept as the difference to it:
small differences compress to a fraction of a full time. Every row carries its place in the stream
(``stream_epoch, stream_seq, item``), so that the rows themselves tell what has been stored.
"""

from dataclasses import dataclass

from marketprism.contract.catalog import COLD_DATABASE, DATA_TYPES, HOT_DATABASE


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column.

    Attributes:
        field: The event's field that the values come from; empty where it has the column's name.
        codec: Arguments of CODEC(); empty for the server's default.
        sent_as: Type in which the writer sends the values, where the server converts them.
        alias: Expression of a computed column; such a column is not inserted.
        default: Expression for a column that the server fills.
    """

    name: str
    type: str
    field: str = ""
    codec: str = ""
    sent_as: str = ""
    alias: str = ""
    default: str = ""

    @property
    def is_inserted(self) -> bool:
        """Whether the writer sends values for it."""
        return not self.alias and not self.default


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A named query over the tables of one database.

    Attributes:
        query: SELECT with ``{database}`` where the database's name belongs.
    """

    name: str
    query: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One table, in the hot and in the cold database alike."""

    name: str
    columns: tuple[Column, ...]
    order_by: tuple[str, ...]
    indices: tuple[str, ...] = ("INDEX by_stream_seq stream_seq TYPE minmax GRANULARITY 4",)
    partition_by: str = "toDate(timestamp)"
    settings: tuple[str, ...] = (
        "non_replicated_deduplication_window = 0",  # a block that is remembered hides that its rows were lost since
        "fsync_after_insert = 1",
        "fsync_part_directory = 1",
        "min_rows_to_fsync_after_merge = 1",
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


def _delay(name: str, field: str) -> Column:
    return Column(name=name, type="Int64", field=field, codec="ZSTD(1)")


def _id(name: str) -> Column:
    return Column(name=name, type="UInt64", codec="Delta, ZSTD(1)")


def _counter(name: str) -> Column:
    """An id that the exchange counts up without holes, or nearly so: then the difference of differences is zero."""
    return Column(name=name, type="UInt64", codec="DoubleDelta, ZSTD(1)")


def _time_alias(name: str, delay: str) -> Column:
    return Column(name=name, type="DateTime64(6, 'UTC')", alias=f"timestamp + toIntervalMicrosecond({delay})")


def _optional_time(name: str, field: str) -> Column:
    return Column(name=name, type="Nullable(DateTime64(6, 'UTC'))", field=field, codec="ZSTD(1)")


def _decimal(name: str) -> Column:
    return Column(name=name, type="Decimal(38, 18)", codec="GCD, ZSTD(1)", sent_as="String")


def _optional_decimal(name: str) -> Column:
    return Column(name=name, type="Nullable(Decimal(38, 18))", codec="ZSTD(1)", sent_as="Nullable(String)")


def _levels(name: str) -> Column:
    return Column(name=name, type="Array(Int64)", codec="GCD, Delta, ZSTD(1)" if "price" in name else "GCD, ZSTD(1)")


def _prices_alias(side: str) -> Column:
    return Column(
        name=f"{side}_prices",
        type="Array(Decimal(38, 18))",
        alias=f"arrayMap(x -> toDecimal128(x, 18) / intExp10(price_scale), {side}_price_integers)",
    )


def _quantities_alias(side: str) -> Column:
    """Base currency: what the exchange counts, times the contract's size, by the price where that is quote currency."""
    return Column(
        name=f"{side}_quantities",
        type="Array(Decimal(38, 18))",
        alias=(
            "arrayMap((q, p) -> toDecimal128(toDecimal256(q, 0) * contract_size"
            " * if(contract_unit = 'quote', intExp10(price_scale), 1) / if(contract_unit = 'quote', p, 1)"
            f" / intExp10(quantity_scale), 18), {side}_quantity_integers, {side}_price_integers)"
        ),
    )


_SIDE = Column(name="side", type="Enum8('buy' = 1, 'sell' = 2)", codec="ZSTD(1)")
_ORIGIN = tuple(_token(name) for name in ("source", "exchange", "market", "symbol", "instrument"))
_TIMESTAMP = Column(name="timestamp", type="DateTime64(6, 'UTC')", codec="GCD, Delta, ZSTD(1)", sent_as="Int64")
_STREAM_PLACE = (
    Column(name="stream_epoch", type="UInt32", codec="ZSTD(1)"),
    Column(name="stream_seq", type="UInt64", codec="Delta, ZSTD(1)"),
    Column(name="item", type="UInt16", codec="Delta, ZSTD(1)"),
    Column(name="inserted_at", type="DateTime64(3, 'UTC')", codec="Delta, ZSTD(1)", default="now64(3)"),
)
_BY_SYMBOL = ("source", "exchange", "market", "symbol", "timestamp")

_RECEIVED = (_delay("receive_delay_us", "receive_ns"), _time_alias("received_at", "receive_delay_us"))


def _table(data_type: str, *columns: Column) -> Table:
    found = DATA_TYPES[data_type]
    growing = () if found.growing == "timestamp" else (found.growing,)
    return Table(
        name=found.table,
        columns=(*_ORIGIN, _TIMESTAMP, _RECEIVED[0], *columns, *_STREAM_PLACE, _RECEIVED[1]),
        order_by=(*_BY_SYMBOL, *growing),
    )


_LEVELS = (
    Column(name="price_scale", type="UInt8"),
    Column(name="quantity_scale", type="UInt8"),
    Column(name="contract_size", type="Decimal(38, 18)", codec="GCD, ZSTD(1)", sent_as="String"),
    Column(name="contract_unit", type="Enum8('base' = 1, 'quote' = 2)"),
    _levels("bid_price_integers"),
    _levels("bid_quantity_integers"),
    _levels("ask_price_integers"),
    _levels("ask_quantity_integers"),
    _prices_alias("bid"),
    _quantities_alias("bid"),
    _prices_alias("ask"),
    _quantities_alias("ask"),
)
_RATIOS = (
    Column(name="period", type="LowCardinality(String)"),
    _decimal("ratio"),
    _decimal("long_share"),
    _decimal("short_share"),
)

TABLES: dict[str, Table] = {
    "trade": _table(
        "trade",
        Column(name="event_delay_us", type="Int64", field="event_us", codec="GCD, Delta, ZSTD(1)"),
        Column(name="id_kind", type="Enum8('fill' = 1, 'aggregate' = 2)"),
        _counter("trade_id"),
        _counter("first_fill_id"),
        _counter("last_fill_id"),
        _decimal("price"),
        _decimal("quantity"),
        _optional_decimal("contracts"),
        _SIDE,
        _time_alias("event_time", "event_delay_us"),
    ),
    "orderbook": _table(
        "orderbook",
        _id("update_id"),
        Column(name="reason", type="Enum8('interval' = 1, 'resync' = 2)"),
        *_LEVELS,
    ),
    "orderbook_delta": _table("orderbook_delta", _id("first_update_id"), _id("last_update_id"), *_LEVELS),
    "funding_rate": _table(
        "funding_rate",
        _decimal("rate"),
        _optional_time("funding_time", "funding_us"),
        Column(name="interval_seconds", type="Nullable(UInt32)"),
        _optional_decimal("mark_price"),
        _optional_decimal("index_price"),
    ),
    "open_interest": _table("open_interest", _decimal("quantity"), _optional_decimal("contracts")),
    "liquidation": _table(
        "liquidation",
        _SIDE,
        _decimal("price"),
        _decimal("quantity"),
        _optional_decimal("contracts"),
        Column(name="ordinal", type="UInt16"),
    ),
    "lsr_top_position": _table("lsr_top_position", *_RATIOS),
    "lsr_all_account": _table("lsr_all_account", *_RATIOS),
    "volatility_index": _table("volatility_index", _decimal("value")),
    "gap": _table(
        "gap",
        Column(name="data_type", type="LowCardinality(String)"),
        _id("after_id"),
        _id("before_id"),
        Column(name="size", type="Nullable(UInt64)"),
        Column(name="healed_by", type="LowCardinality(String)"),
        _optional_time("healed_at", "healed_ns"),
    ),
}
"""Tables by data type."""

VIEWS: dict[str, View] = {
    "gaps": View(
        name="gaps",
        query=(
            "SELECT source, exchange, market, symbol, data_type, after_id, before_id, any(size) AS size,"
            " min(timestamp) AS timestamp, min(received_at) AS detected_at, max(healed_by) AS healed_by,"
            " max(healed_at) AS healed_at FROM {database}.gap_events"
            " GROUP BY source, exchange, market, symbol, data_type, after_id, before_id"
        ),
    ),
    "candles_1m": View(
        name="candles_1m",
        query=(
            "SELECT source, exchange, market, symbol, toStartOfMinute(timestamp) AS minute,"
            " argMin(price, (timestamp, trade_id)) AS open, max(price) AS high, min(price) AS low,"
            " argMax(price, (timestamp, trade_id)) AS close, sum(quantity) AS volume, count() AS trades"
            " FROM {database}.trades GROUP BY source, exchange, market, symbol, minute"
        ),
    ),
}
"""Views by name. ``gaps`` is the ledger of holes, one row each. ``candles_1m`` adds up trades when it is read, so that
a late or healed trade is in it at once. Fills that healed a hole stand beside aggregates there, and nothing counts
twice: only fills of the hole are stored, and no aggregate covers those, or there would have been none.
"""

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


SCHEMA_VERSIONS = Table(
    name="schema_versions",
    columns=(
        Column(name="version", type="UInt32"),
        Column(name="title", type="String"),
        Column(name="inserted_at", type="DateTime64(3, 'UTC')", codec="Delta, ZSTD(1)", default="now64(3)"),
    ),
    order_by=("version",),
    indices=(),
    partition_by="toDate(inserted_at)",
)
"""Which migrations a database has had, and when; never dropped."""


LOOK_BACK_SECONDS = 600
"""Within this time cold storage looks again at every day that changed, so that late rows are copied too."""


def _read_view(table: Table) -> View:
    """Show each row once, wherever it is.

    What is older than the watermark was in the cold database when that was recorded, what is younger is in the hot one.
    Rows that came into the hot database about then or later, for an older time, may be in either or in both.
    """
    names = ", ".join(column.name for column in table.columns)
    place = "(stream_epoch, stream_seq, item)"
    recorded = f"FROM {COLD_DATABASE}.{WATERMARKS.name} WHERE table_name = '{table.name}'"
    cold, hot = f"FROM {COLD_DATABASE}.{table.name}", f"FROM {HOT_DATABASE}.{table.name}"
    return View(
        name=f"{table.name}_all",
        query=(
            f"WITH (SELECT toDateTime64(max(watermark), 6, 'UTC') {recorded}) AS mark,"
            f" (SELECT max(inserted_at) - INTERVAL {LOOK_BACK_SECONDS} SECOND {recorded}) AS since"
            f" SELECT {names} {cold} WHERE timestamp < mark"
            f" UNION ALL SELECT {names} {hot} WHERE timestamp >= mark"
            f" UNION ALL SELECT {names} {hot} WHERE timestamp < mark AND inserted_at >= since"
            f" AND {place} NOT IN (SELECT {place} {cold} WHERE timestamp < mark AND inserted_at >= since)"
        ),
    )


READ_VIEWS = tuple(_read_view(table) for table in TABLES.values())
"""``trades_all`` and so on, in the hot database of a server that has the cold one too: each row of both once."""


def tables_of(database: str) -> tuple[Table, ...]:
    """Return the tables of one database."""
    own = (WATERMARKS,) if database == COLD_DATABASE else ()
    return (*TABLES.values(), *own, SCHEMA_VERSIONS)
