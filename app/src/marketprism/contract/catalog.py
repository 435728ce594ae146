"""The one table of data types, and the ports, databases and freshness limits that everything else is made from."""

from dataclasses import dataclass, field

from marketprism.contract.events import (
    BookChange,
    BookSnapshot,
    Event,
    FundingRate,
    Gap,
    Liquidation,
    LongShortRatio,
    OpenInterest,
    Trade,
    VolatilityIndex,
)
from marketprism.contract.instruments import Instrument, escape_token

HOT_DATABASE = "marketprism_hot"
COLD_DATABASE = "marketprism_cold"

CLICKHOUSE_USERS: dict[str, str] = {
    "admin": "marketprism_admin",
    "writer": "marketprism_writer",
    "mover": "marketprism_mover",
    "reader": "marketprism_reader",
}
"""ClickHouse users by role; the password of each is the credential ``clickhouse-<role>``.

The writer inserts and deletes nothing. The mover copies from the hot into the cold database and drops old days.
"""

PORTS: dict[str, int] = {
    "nats": 4222,
    "nats_monitor": 8222,
    "clickhouse_native": 9000,
    "clickhouse_http": 8123,
    "storage_hot": 8085,
    "storage_cold": 8086,
    "collector": 8087,
    "collector_metrics": 9093,
    "simulator": 8190,
    "clickhouse_metrics": 9363,
    "prometheus": 9090,
    "alertmanager": 9095,
    "node_exporter": 9100,
    "blackbox_exporter": 9115,
}
"""Ports by endpoint name; preflight checks that each is free or ours."""

ORIGIN = ("source", "exchange", "market", "symbol")
"""Columns that say what an event is about; the first part of its identity."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataType:
    """One kind of event and its way through the pipeline.

    Attributes:
        name: First token of its subjects.
        event: The event's class.
        stream: JetStream stream that captures the subjects.
        table: ClickHouse table, in the hot and in the cold database.
        identity: Columns that make an event unique after `ORIGIN`.
        series: Columns of the identity that divide an instrument's events into sequences of growing ids.
        growing: The id that grows in each.
        freshness_seconds: Age of the newest row from which a feed counts as stale; None where silence says nothing.
    """

    name: str
    event: type[Event]
    stream: str
    table: str
    identity: tuple[str, ...]
    series: tuple[str, ...] = ()
    growing: str = "timestamp"
    freshness_seconds: float | None = None


_MARKET_DATA, _BOOKS, _DELTAS = "MARKET_DATA", "ORDERBOOK_SNAP", "ORDERBOOK_DELTA"
DEAD_LETTERS = "DEAD_LETTERS"
"""Stream of messages that cannot be stored, with the reason in a header."""

DATA_TYPES: dict[str, DataType] = {
    data_type.name: data_type
    for data_type in (
        DataType(
            name="trade",
            event=Trade,
            stream=_MARKET_DATA,
            table="trades",
            identity=("id_kind", "trade_id"),
            series=("id_kind",),
            growing="trade_id",
            freshness_seconds=45,
        ),
        DataType(
            name="orderbook",
            event=BookSnapshot,
            stream=_BOOKS,
            table="orderbooks",
            identity=("update_id", "timestamp"),
            growing="update_id",
            freshness_seconds=20,
        ),
        DataType(
            name="orderbook_delta",
            event=BookChange,
            stream=_DELTAS,
            table="orderbook_deltas",
            identity=("first_update_id", "last_update_id"),
            growing="last_update_id",
            freshness_seconds=20,
        ),
        DataType(
            name="funding_rate",
            event=FundingRate,
            stream=_MARKET_DATA,
            table="funding_rates",
            identity=("funding_time", "timestamp"),
            freshness_seconds=180,
        ),
        DataType(
            name="open_interest",
            event=OpenInterest,
            stream=_MARKET_DATA,
            table="open_interests",
            identity=("timestamp",),
            freshness_seconds=120,
        ),
        DataType(
            name="liquidation",
            event=Liquidation,
            stream=_MARKET_DATA,
            table="liquidations",
            identity=("side", "price", "quantity", "timestamp", "ordinal"),
        ),
        DataType(
            name="lsr_top_position",
            event=LongShortRatio,
            stream=_MARKET_DATA,
            table="lsr_top_positions",
            identity=("period", "timestamp"),
            series=("period",),
            freshness_seconds=900,
        ),
        DataType(
            name="lsr_all_account",
            event=LongShortRatio,
            stream=_MARKET_DATA,
            table="lsr_all_accounts",
            identity=("period", "timestamp"),
            series=("period",),
            freshness_seconds=900,
        ),
        DataType(
            name="volatility_index",
            event=VolatilityIndex,
            stream=_MARKET_DATA,
            table="volatility_indices",
            identity=("timestamp",),
            freshness_seconds=60,
        ),
        DataType(
            name="gap",
            event=Gap,
            stream=_MARKET_DATA,
            table="gap_events",
            identity=("data_type", "after_id", "before_id", "healed_by"),
            series=("data_type",),
        ),
    )
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """One JetStream stream.

    Attributes:
        share: Part of the store's bytes that the stream may fill.
        consumer: Name of the durable consumer of hot storage; None where storage does not read.
        max_age_seconds: Messages go after it; 0 where none goes by its age.
    """

    name: str
    subjects: tuple[str, ...]
    share: float
    consumer: str | None = None
    max_age_seconds: int = 48 * 3600
    duplicate_window_seconds: int = 20 * 60


def _subjects(stream: str) -> tuple[str, ...]:
    return tuple(f"{t.name}.>" for t in DATA_TYPES.values() if t.stream == stream)


STREAMS: dict[str, Stream] = {
    stream.name: stream
    for stream in (
        Stream(name=_MARKET_DATA, subjects=_subjects(_MARKET_DATA), share=0.4, consumer="storage-hot"),
        Stream(name=_BOOKS, subjects=_subjects(_BOOKS), share=0.25, consumer="storage-hot"),
        Stream(name=_DELTAS, subjects=_subjects(_DELTAS), share=0.25, consumer="storage-hot"),
        # Whether a letter goes is a human's decision.
        Stream(name=DEAD_LETTERS, subjects=("dead_letter.>",), share=0.05, max_age_seconds=0),
    )
}


REWIND_CONSUMER = "storage-rewind"
"""Ephemeral consumer of hot storage, on each of its streams, for reading again after a crash."""


def subject(data_type: str, instrument: Instrument) -> str:
    """Name the subject of one data type of one instrument: ``trade.binance.spot.BTC-USDT``."""
    return f"{data_type}.{instrument.exchange}.{instrument.market}.{escape_token(instrument.symbol)}"


def dead_letter_subject(stream: str) -> str:
    """Name the subject under which messages of a stream are laid aside."""
    return f"dead_letter.{stream}"


@dataclass(frozen=True, slots=True, kw_only=True)
class NatsPermissions:
    """What one NATS user may do; everything else is denied."""

    publish: tuple[str, ...]
    subscribe: tuple[str, ...] = field(default=())


def _inbox(user: str) -> str:
    return f"_INBOX.{user}.>"


def inbox_prefix(user: str) -> str:
    """Name the inbox prefix that a user's connection has to set: replies reach nobody else."""
    return f"_INBOX.{user}"


def _storage_publish() -> tuple[str, ...]:
    allowed = ["$JS.API.INFO", f"{dead_letter_subject('*')}"]
    for stream in STREAMS.values():
        allowed.append(f"$JS.API.STREAM.INFO.{stream.name}")
        if stream.consumer is not None:
            allowed += [
                f"$JS.API.STREAM.PURGE.{stream.name}",  # of what was acknowledged, before the stream is full
                f"$JS.API.STREAM.MSG.GET.{stream.name}",  # is it damaged, or only late?
                f"$JS.API.CONSUMER.LIST.{stream.name}",
                f"$JS.API.CONSUMER.INFO.{stream.name}.{stream.consumer}",
                f"$JS.API.CONSUMER.MSG.NEXT.{stream.name}.{stream.consumer}",
                f"$JS.ACK.{stream.name}.{stream.consumer}.>",
                *(
                    f"$JS.API.CONSUMER.{verb}.{stream.name}.{REWIND_CONSUMER}"
                    for verb in ("CREATE", "INFO", "MSG.NEXT", "DELETE")
                ),
            ]
    return tuple(allowed)


NATS_USERS: dict[str, NatsPermissions] = {
    "admin": NatsPermissions(
        publish=("$JS.API.>", "$JS.SNAPSHOT.>", *(f"{name}.>" for name in DATA_TYPES)),  # dead letters go in again
        subscribe=(_inbox("admin"),),
    ),
    "collector": NatsPermissions(
        publish=("$JS.API.INFO", "$JS.API.STREAM.INFO.*", *(f"{name}.>" for name in DATA_TYPES)),
        subscribe=(_inbox("collector"),),
    ),
    "storage": NatsPermissions(publish=_storage_publish(), subscribe=(_inbox("storage"),)),
}
"""Rights by user, deny by default. Only ``admin`` makes streams and consumers (``marketprism streams apply``) and takes
their snapshots (``marketprism backup``)."""
