"""The writer against the real engine: exact values, and only the difference after an unknown outcome."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from marketprism.contract.catalog import CLICKHOUSE_USERS, HOT_DATABASE, STREAMS
from marketprism.contract.events import TradeIdKind
from marketprism.contract.instruments import Source
from marketprism.contract.tables import TABLES
from marketprism.errors import ContractError, UnavailableError
from marketprism.storage.clickhouse import ClickHouse
from marketprism.storage.columns import Rows
from marketprism.storage.decoding import decode
from marketprism.storage.writer import Writer
from tests.integration.servers import PASSWORDS, ClickHouseServer, eventually
from tests.storage.envelopes import NOON_US, book, envelope, message, trade

pytestmark = pytest.mark.integration
EPOCH = 7


Connect = Callable[..., ClickHouse]


@pytest.fixture
def connection(tables: ClickHouseServer) -> Iterator[Connect]:
    """Makes connections as the storage service's user."""
    made: list[ClickHouse] = []

    def connect(port: int | None = None, password: str = PASSWORDS["clickhouse-writer"]) -> ClickHouse:
        made.append(
            ClickHouse(
                host="127.0.0.1",
                native_port=tables.native_port if port is None else port,
                http_port=tables.http_port,
                user=CLICKHOUSE_USERS["writer"],
                password=password,
            )
        )
        return made[-1]

    yield connect
    for client in made:
        client.close()


def make_writer(clickhouse: ClickHouse, stream: str = "MARKET_DATA") -> Writer:
    writer = Writer(clickhouse, HOT_DATABASE, STREAMS[stream], sleep=lambda _: None)
    writer.begin(EPOCH, 0)
    return writer


@pytest.fixture
def writer(connection: Connect) -> Writer:
    return make_writer(connection())


def ids(tables: ClickHouseServer) -> list[int]:
    rows = tables.query("SELECT trade_id FROM marketprism_hot.trades ORDER BY stream_seq, item").split()
    return [int(row) for row in rows]


NUMBERS = [
    "0.000000000001",
    "0.000000000000000001",
    "10000000000000",
    "12345678901234567890.123456789012345678",
    "99999999999999999999.999999999999999999",
    "1.10",
    "0",
    "0.0",
    "00012.5",
    "1.1000000000000000000000000",
]


def test_numbers_come_back_exactly(writer: Writer, tables: ClickHouseServer):
    """Ticks of 1e-12, 18 decimals, 1e13 and all 38 digits; compared as text, value by value."""
    writer.store(decode([message(n + 1, trade(n, price=text, quantity=text)) for n, text in enumerate(NUMBERS)], EPOCH))
    rows = tables.query(
        "SELECT toDecimalString(price, 18), toDecimalString(quantity, 18) FROM marketprism_hot.trades ORDER BY trade_id"
    )
    assert [line.split("\t") for line in rows.splitlines()] == [[canonical(text)] * 2 for text in NUMBERS]


def canonical(text: str) -> str:
    whole, _, fraction = text.partition(".")
    return f"{whole.lstrip('0') or '0'}.{fraction[:18]:0<18}"


def test_book_levels_come_back_exactly(tables: ClickHouseServer, connection: Connect):
    writer = make_writer(connection(), "ORDERBOOK_SNAP")
    bids = [("0.000000000002", "10000000000000"), ("0.000000000001", "0.5")]
    writer.store(decode([message(1, book(9, bids=bids, asks=[("9000000.1", "1")]), data_type="orderbook")], EPOCH))
    row = tables.query(
        "SELECT bid_prices, bid_quantities, ask_prices, ask_quantities, reason FROM marketprism_hot.orderbooks"
    )
    assert row == "[0.000000000002,0.000000000001]\t[10000000000000,0.5]\t[9000000.1]\t[1]\tinterval\n"


def test_times_come_back_exactly(writer: Writer, tables: ClickHouseServer):
    event = trade(1, timestamp_us=NOON_US + 1, event_us=NOON_US + 2, receive_ns=(NOON_US + 3) * 1000 + 999)
    writer.store(decode([message(1, event)], EPOCH))
    row = tables.query("SELECT timestamp, event_time, received_at FROM marketprism_hot.trades")
    assert row == "2026-01-01 12:00:00.000001\t2026-01-01 12:00:00.000002\t2026-01-01 12:00:00.000003\n"


def test_only_the_difference_is_inserted(writer: Writer, tables: ClickHouseServer, connection: Connect):
    """A part of a batch was stored by a writer that died: rows of it are found by their place."""
    rows = Rows("trade")
    rows.extend([envelope(trade(1), trade(2), trade(3))], EPOCH, [1])
    rows.extend([envelope(trade(4))], EPOCH, [2])
    connection().insert(HOT_DATABASE, rows.table, rows.select([0, 2]).columns)
    writer.begin(EPOCH, 0)
    result = writer.store(decode([message(1, trade(1), trade(2), trade(3)), message(2, trade(4))], EPOCH))
    assert sorted(ids(tables)) == [1, 2, 3, 4]
    assert (result.stored["trade"], result.duplicates["trade"]) == (4, 0)
    assert writer.probes.rows_present == 2


def test_the_newest_events_are_known_after_a_restart(writer: Writer):
    now_us = time.time_ns() // 1000
    writer.store(decode([message(n, trade(n, timestamp_us=now_us - n)) for n in (1, 2)], EPOCH))
    assert writer.newest("simulated", 60) == {("simulated", "trade", "binance", "spot"): now_us - 1}
    assert writer.newest("live", 60) == {}


def test_another_epoch_is_not_mistaken_for_what_is_stored(writer: Writer, tables: ClickHouseServer):
    writer.store(decode([message(1, trade(1))], EPOCH))
    writer.begin(EPOCH + 1, 0)
    writer.store(decode([message(1, trade(2))], EPOCH + 1))
    assert sorted(ids(tables)) == [1, 2]


def test_the_normal_flow_asks_nothing(writer: Writer):
    for sequence in range(1, 5):
        writer.store(decode([message(sequence, trade(sequence))], EPOCH))
    assert writer.probes.queries == 0


def test_a_batch_over_many_days_is_one_insert(writer: Writer, tables: ClickHouseServer):
    """More than the server's default limit of 100 partitions for one insert."""
    day_us = 86_400_000_000
    writer.store(decode([message(n, trade(n, timestamp_us=NOON_US - n * day_us)) for n in range(1, 121)], EPOCH))
    assert len(ids(tables)) == 120


def test_an_event_that_is_published_again_is_stored_once(writer: Writer, tables: ClickHouseServer, connection: Connect):
    events = [trade(n, timestamp_us=NOON_US + n) for n in range(1, 11)]
    writer.store(decode([message(1, *events)], EPOCH))
    later = make_writer(connection())
    again = writer.store(decode([message(2, *events[5:], trade(11))], EPOCH))
    assert (again.stored["trade"], again.duplicates["trade"]) == (1, 5)
    again = later.store(decode([message(3, *events, trade(12))], EPOCH))
    assert (again.stored["trade"], again.duplicates["trade"]) == (1, 10)
    assert sorted(ids(tables)) == list(range(1, 13))


def test_an_event_twice_in_one_batch_is_stored_once(writer: Writer, tables: ClickHouseServer):
    result = writer.store(decode([message(1, trade(1), trade(2)), message(2, trade(2), trade(3))], EPOCH))
    assert ids(tables) == [1, 2, 3]
    assert result.duplicates["trade"] == 1


def test_ids_of_two_kinds_in_one_message_grow_by_themselves(writer: Writer, tables: ClickHouseServer):
    fills = [trade(n, timestamp_us=NOON_US + n) for n in (10, 11)]
    aggregates = [trade(n, timestamp_us=NOON_US + n, id_kind=TradeIdKind.AGGREGATE) for n in (10, 11)]
    writer.store(decode([message(1, fills[0], aggregates[0], aggregates[1], fills[1])], EPOCH))
    result = writer.store(decode([message(2, aggregates[1], trade(12, timestamp_us=NOON_US + 12))], EPOCH))
    assert (result.stored["trade"], result.duplicates["trade"]) == (1, 1)
    assert sorted(ids(tables)) == [10, 10, 11, 11, 12]


def test_equal_ids_at_other_times_or_of_another_source_are_other_events(writer: Writer, tables: ClickHouseServer):
    writer.store(decode([message(1, trade(1))], EPOCH))
    writer.store(decode([message(2, trade(1, timestamp_us=NOON_US + 1))], EPOCH))
    writer.store(decode([message(3, trade(1), source=Source.REPLAYED)], EPOCH))
    assert ids(tables) == [1, 1, 1]


def test_a_delivery_that_comes_again_counts_once(writer: Writer):
    batch = [message(1, trade(1)), message(2, trade(2, price="NaN"))]
    first = writer.store(decode(batch, EPOCH))
    writer.begin(EPOCH, 0)
    again = writer.store(decode(batch, EPOCH))
    assert (first.stored["trade"], first.dead_events["unstorable"]) == (1, 1)
    assert (again.stored["trade"], again.duplicates["trade"], again.dead_events.total()) == (0, 0, 0)
    assert len(again.dead) == 1, "it may not have been laid aside the first time"


def test_what_the_server_refuses_is_found_and_its_neighbours_are_stored(
    tables: ClickHouseServer, connection: Connect, monkeypatch: pytest.MonkeyPatch
):
    """The checks before the insert are taken away, so that the server itself has to refuse the number."""
    monkeypatch.setattr("marketprism.storage.columns.require_decimals", lambda _field, texts: texts)
    writer = make_writer(connection())
    result = writer.store(
        decode([message(n, trade(n, price="nonsense" if n == 3 else "1")) for n in range(1, 7)], EPOCH)
    )
    assert sorted(ids(tables)) == [1, 2, 4, 5, 6]
    assert [(letter.message.stream_seq, letter.reason) for letter in result.dead] == [(3, "refused")]
    assert result.stored["trade"] == 5


_MORE_THAN_A_QUERY = 20_000


class Proxy:
    """Passes everything to ClickHouse; once told to, it cuts the line instead of passing an insert's outcome on.

    The server sees an orderly end: the embedded engine aborts as a whole when a native connection is reset.
    """

    def __init__(self, port: int) -> None:
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.swallow = False
        self._sent = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._target))
                threading.Thread(target=self._questions, args=(client, server), daemon=True).start()
                threading.Thread(target=self._answers, args=(server, client), daemon=True).start()

    def _questions(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := client.recv(65536):
                self._sent += len(data)
                server.sendall(data)
        with suppress(OSError):
            server.shutdown(socket.SHUT_WR)

    def _answers(self, server: socket.socket, client: socket.socket) -> None:
        with server, client:
            while data := server.recv(65536):
                with suppress(OSError):
                    if self.swallow and self._sent > _MORE_THAN_A_QUERY:
                        client.shutdown(socket.SHUT_RDWR)
                    else:
                        client.sendall(data)

    def close(self) -> None:
        self._listener.close()


def test_a_line_that_is_cut_after_the_insert_doubles_nothing(tables: ClickHouseServer, connection: Connect):
    """The classic unknown outcome: the rows are stored, the answer never arrives."""
    proxy = Proxy(tables.native_port)
    writer = make_writer(connection(proxy.port))
    batch = [message(n, trade(n)) for n in range(1, 1001)]
    proxy.swallow = True
    with pytest.raises(UnavailableError, match="away"):
        writer.store(decode(batch, EPOCH))
    proxy.swallow = False
    writer.begin(EPOCH, 0)
    result = writer.store(decode(batch, EPOCH))
    proxy.close()
    assert ids(tables) == list(range(1, 1001))
    assert result.stored["trade"] == 1000
    assert (writer.probes.unknown_outcomes, writer.probes.rows_present) == (1, 1000)


def test_a_repeat_in_a_batch_that_may_be_stored_is_stored_once(tables: ClickHouseServer, connection: Connect):
    """Its first copy is found by its place, the second by what it is: the ids in the table have grown meanwhile."""
    proxy = Proxy(tables.native_port)
    writer = make_writer(connection(proxy.port))
    writer.store(decode([message(1, trade(1), trade(2))], EPOCH))
    once = [trade(n, timestamp_us=NOON_US + n) for n in range(3, 1003)]
    batch = [message(2, *once), message(3, *once, trade(1003, timestamp_us=NOON_US + 1003))]
    proxy.swallow = True
    with pytest.raises(UnavailableError, match="away"):
        writer.store(decode(batch, EPOCH))
    proxy.swallow = False
    writer.begin(EPOCH, 1)
    result = writer.store(decode(batch, EPOCH))
    proxy.close()
    assert ids(tables) == list(range(1, 1004))
    assert (result.stored["trade"], result.duplicates["trade"]) == (1001, 1000)


def test_an_insert_that_still_runs_is_waited_for(tables: ClickHouseServer, connection: Connect):
    """Its rows would appear after the probe, and then be there twice."""
    table = TABLES["trade"]
    client = connection()
    assert not client.is_inserting(HOT_DATABASE, table)
    running = threading.Thread(
        target=tables.query,
        args=("SELECT sleep(1) SETTINGS function_sleep_max_microseconds_per_block=3000000",),
        kwargs={"query_id": "marketprism-insert-marketprism_hot.trades"},
    )
    running.start()
    eventually(lambda: tables.number("SELECT count() FROM system.processes WHERE query_id LIKE 'marketprism%'"), 2)
    assert client.is_inserting(HOT_DATABASE, table)
    running.join()
    assert not client.is_inserting(HOT_DATABASE, table)


def test_a_wrong_password_is_an_answer_and_leaves_the_server_alive(tables: ClickHouseServer, connection: Connect):
    client = connection(password="wrong")
    with pytest.raises(UnavailableError, match="refuses user"):
        client.query("SELECT 1")
    assert tables.number("SELECT 1") == 1


def test_the_writer_may_not_change_the_schema(tables: ClickHouseServer, connection: Connect):
    with pytest.raises(UnavailableError, match="lacks a right"):
        connection().query("DROP TABLE marketprism_hot.trades")


def test_a_missing_table_names_the_remedy(tables: ClickHouseServer, connection: Connect):
    with pytest.raises(UnavailableError, match="marketprism schema apply"):
        connection().query("SELECT 1 FROM marketprism_hot.nothing")


def test_a_bad_value_in_a_query_is_no_outage(tables: ClickHouseServer, connection: Connect):
    with pytest.raises(ContractError):
        connection().query("SELECT toDecimal128('x', 18)")
