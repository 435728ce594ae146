"""Every data type against the real engine: exact values, each event once, and what a reader computes from them."""

from collections.abc import Callable

import msgspec
import pytest

from marketprism.contract import wire
from marketprism.contract.catalog import CLICKHOUSE_USERS, DATA_TYPES, HOT_DATABASE, STREAMS, subject
from marketprism.contract.events import Event, Gap, TradeIdKind
from marketprism.contract.instruments import ContractUnit, Source
from marketprism.contract.tables import TABLES
from marketprism.storage.clickhouse import ClickHouse
from marketprism.storage.consumer import Message
from marketprism.storage.decoding import decode
from marketprism.storage.writer import Writer
from tests.integration.servers import PASSWORDS, ClickHouseServer
from tests.storage.envelopes import BTC, NOON_US, SAMPLES, book, message, trade

pytestmark = pytest.mark.integration
NOON = "2026-01-01 12:00:00.000000"

Store = Callable[..., None]


@pytest.fixture
def store(tables: ClickHouseServer) -> Store:
    """Stores events of one type as a writer that has just started: it knows nothing of what is there."""
    sequence = 0

    def store(data_type: str, *events: Event) -> None:
        nonlocal sequence
        sequence += 1
        clickhouse = ClickHouse(
            host="127.0.0.1",
            native_port=tables.native_port,
            http_port=tables.http_port,
            user=CLICKHOUSE_USERS["writer"],
            password=PASSWORDS["clickhouse-writer"],
        )
        writer = Writer(clickhouse, HOT_DATABASE, STREAMS[DATA_TYPES[data_type].stream], sleep=lambda _: None)
        writer.begin(7, 0)
        writer.store(decode([message(sequence, *events, data_type=data_type)], 7))
        clickhouse.close()

    return store


@pytest.mark.parametrize("data_type", SAMPLES)
def test_an_event_that_is_sent_twice_is_stored_once(data_type: str, store: Store, tables: ClickHouseServer) -> None:
    later = msgspec.structs.replace(SAMPLES[data_type], timestamp_us=NOON_US + 1_000_000)
    store(data_type, SAMPLES[data_type], SAMPLES[data_type])
    store(data_type, SAMPLES[data_type], later)
    table = f"{HOT_DATABASE}.{TABLES[data_type].name}"
    assert tables.query(f"SELECT timestamp FROM {table} ORDER BY timestamp") == f"{NOON}\n{NOON[:-8]}1.000000\n"


@pytest.mark.parametrize(
    ("data_type", "columns", "row"),
    [
        (
            "funding_rate",
            "rate, funding_time, interval_seconds, mark_price, index_price, received_at",
            "-0.0004270396398519\t2026-01-01 13:00:00.000000\t28800\t64000.5\t\\N\t2026-01-01 12:00:00.005000",
        ),
        ("open_interest", "quantity, contracts", "95744.938\t9574493.8"),
        ("liquidation", "side, price, quantity, contracts, ordinal", "sell\t9910\t0.014\t\\N\t1"),
        ("lsr_top_position", "period, ratio, long_share, short_share", "5m\t1.5\t0.6\t0.4"),
        ("lsr_all_account", "period, ratio, long_share, short_share", "5m\t1.5\t0.6\t0.4"),
        ("volatility_index", "value", "129.36"),
        (
            "orderbook_delta",
            "first_update_id, last_update_id, bid_prices, bid_quantities, ask_prices, ask_quantities",
            "7\t9\t[99.5]\t[0]\t[100.5]\t[2]",
        ),
    ],
)
def test_values_come_back_exactly(
    data_type: str, columns: str, row: str, store: Store, tables: ClickHouseServer
) -> None:
    store(data_type, SAMPLES[data_type])
    assert tables.query(f"SELECT {columns} FROM {HOT_DATABASE}.{TABLES[data_type].name}") == f"{row}\n"


@pytest.mark.parametrize(
    ("size", "unit", "quantities"),
    [
        ("0.01", ContractUnit.BASE, "[0.0125,0.03]"),
        ("100", ContractUnit.QUOTE, "[1.256281407035175879,3.0303030303030303]"),
    ],
)
def test_levels_of_contracts_are_read_as_base_currency(
    size: str, unit: ContractUnit, quantities: str, store: Store, tables: ClickHouseServer
) -> None:
    """Bids 1.25 contracts at 99.50 and 3 at 99."""
    swap = msgspec.structs.replace(BTC, contract_size=size, contract_unit=unit)
    payload = wire.encode("orderbook", Source.SIMULATED, swap, [book()])
    writer = Writer(
        ClickHouse(
            host="127.0.0.1",
            native_port=tables.native_port,
            http_port=tables.http_port,
            user=CLICKHOUSE_USERS["writer"],
            password=PASSWORDS["clickhouse-writer"],
        ),
        HOT_DATABASE,
        STREAMS["ORDERBOOK_SNAP"],
        sleep=lambda _: None,
    )
    writer.begin(7, 0)
    place = "$JS.ACK.ORDERBOOK_SNAP.storage-hot.1.1.1.0.0"
    writer.store(decode([Message(subject("orderbook", BTC), payload, 1, 1, 1, 0, place)], 7))
    writer.close()
    assert tables.query(f"SELECT bid_quantities FROM {HOT_DATABASE}.orderbooks").startswith(quantities[:-2])


def test_the_ledger_shows_a_hole_once_and_whether_it_was_filled(store: Store, tables: ClickHouseServer) -> None:
    opened = SAMPLES["gap"]
    assert isinstance(opened, Gap)
    other = msgspec.structs.replace(opened, after_id=20, before_id=22, size=1)
    store("gap", opened, other)
    store("gap", msgspec.structs.replace(opened, healed_by="rest", healed_ns=NOON_US * 1000 + 9_000_000_000))
    rows = tables.query(
        f"SELECT data_type, after_id, before_id, size, healed_by, healed_at FROM {HOT_DATABASE}.gaps ORDER BY after_id"
    )
    assert rows == "trade\t5\t9\t3\trest\t2026-01-01 12:00:09.000000\ntrade\t20\t22\t1\t\t\\N\n"


def test_a_candle_is_exact_and_opens_and_closes_by_time_then_id(store: Store, tables: ClickHouseServer) -> None:
    """Of trades in one microsecond the id decides, whatever the order of their arrival."""
    tick = {"timestamp_us": NOON_US, "quantity": "0.000000000000000001"}
    store("trade", trade(2, price="1.25", **tick), trade(1, price="1.000000000001", **tick))
    store("trade", trade(4, price="0.5", timestamp_us=NOON_US + 59_999_999, quantity="10000000000000"))
    store("trade", trade(3, price="0.75", timestamp_us=NOON_US + 59_999_999, quantity="1"))
    store("trade", trade(5, price="9", timestamp_us=NOON_US + 60_000_000))
    rows = tables.query(
        f"SELECT symbol, minute, open, high, low, close, volume, trades FROM {HOT_DATABASE}.candles_1m ORDER BY minute"
    )
    assert rows == (
        "BTC-USDT\t2026-01-01 12:00:00\t1.000000000001\t1.25\t0.5\t0.5\t10000000000001.000000000000000002\t4\n"
        "BTC-USDT\t2026-01-01 12:01:00\t9\t9\t9\t9\t2\t1\n"
    )


def test_fills_that_healed_a_hole_count_beside_aggregates(store: Store, tables: ClickHouseServer) -> None:
    """Aggregates of fills 1-3 and 6-7 with the hole 4-5 between them, filled one by one."""
    aggregate = {"id_kind": TradeIdKind.AGGREGATE}
    store(
        "trade",
        trade(3, first_fill_id=1, quantity="3", price="10", **aggregate),
        trade(7, first_fill_id=6, quantity="2", price="12", timestamp_us=NOON_US + 2, **aggregate),
    )
    store("trade", *(trade(i, quantity="0.5", price="11.5", timestamp_us=NOON_US + 1) for i in (4, 5)))
    rows = tables.query(f"SELECT open, high, low, close, volume, trades FROM {HOT_DATABASE}.candles_1m")
    assert rows == "10\t12\t10\t12\t6\t4\n"
