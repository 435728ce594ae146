"""What is published becomes a row, once and exact, also when the service is killed in between."""

import asyncio
import json
import os
import time
from pathlib import Path

from testinfra.host import Host
from units import exposes_at_most

from marketprism import settings as settings_module
from marketprism.clickhouse_http import ClickHouseHttp
from marketprism.contract import wire
from marketprism.contract.catalog import subject
from marketprism.contract.events import Side, Trade, TradeIdKind
from marketprism.contract.instruments import Exchange, Instrument, Market, Source
from marketprism.errors import UnavailableError
from marketprism.nats_login import NatsLogin

UNIT = "marketprism-storage@hot.service"
COLD_UNIT = "marketprism-storage@cold.service"
CLIENT = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]) / "state/mp-storage/marketprism.yml"
BTC = Instrument(exchange=Exchange.BINANCE, market=Market.SPOT, symbol="BTC-USDT", name="BTCUSDT")


def test_unit_is_hardened(host: Host) -> None:
    exposes_at_most(host, UNIT, 1.2)


def trade(trade_id: int, seconds_ago: int) -> Trade:
    """Make a trade with numbers that a float would not survive."""
    now_us = time.time_ns() // 1000 - seconds_ago * 1_000_000
    return Trade(
        id_kind=TradeIdKind.FILL,
        trade_id=trade_id,
        first_fill_id=trade_id,
        last_fill_id=trade_id,
        price=f"{trade_id}.000000000001",
        quantity="9999999999999.5",
        side=Side.BUY,
        timestamp_us=now_us,
        event_us=now_us,
        receive_ns=now_us * 1000,
    )


async def publish(first: int, count: int, seconds_ago: int = 0) -> None:
    """Publish trades as the collector would."""
    settings = settings_module.load(CLIENT)
    login = NatsLogin.of(settings, "collector")
    client = login.client()
    await client.connect(**login.options())
    for number, start in enumerate(range(first, first + count, 50)):
        payload = wire.encode("trade", Source.SIMULATED, BTC, [trade(i, seconds_ago) for i in range(start, start + 50)])
        headers = {wire.MESSAGE_ID_HEADER: wire.message_id(f"molecule{first}", number)}
        answer = await client.request(subject("trade", BTC), payload, headers=headers)
        assert "error" not in json.loads(answer.data), answer.data
    await client.close()


def rows(first: int, count: int, database: str) -> tuple[int, int, int]:
    """Return rows, distinct ids, and rows whose price and quantity are the published text."""
    query = (
        "SELECT count(), uniqExact(trade_id), countIf("  # the ids are numbers of our own
        "price = toDecimal128(concat(toString(trade_id), '.000000000001'), 18)"
        " AND quantity = toDecimal128('9999999999999.5', 18))"
        f" FROM trades WHERE trade_id >= {first} AND trade_id < {first + count}"
    )
    reader = ClickHouseHttp(settings_module.load(CLIENT), "reader")
    answer = b"".join(reader.stream(query, "TabSeparated", database=database))
    values = [int(value) for value in answer.split()]
    return values[0], values[1], values[2]


def rows_or_none(first: int, count: int, database: str) -> tuple[int, int, int] | None:
    """Return what `rows` returns, or None while ClickHouse is being started again."""
    try:
        return rows(first, count, database)
    except UnavailableError:
        return None


def wait_for(host: Host, first: int, count: int, database: str = "marketprism_hot") -> None:
    """Wait until exactly these rows are there; the embedded engine may die with a client that is killed in a query."""
    deadline = time.monotonic() + 90
    while (found := rows_or_none(first, count, database)) != (count, count, count):
        journal = "journalctl --no-pager -n 40 -u 'marketprism-storage@*'"
        assert time.monotonic() < deadline, f"{found}\n" + host.check_output(journal)
        time.sleep(0.5)


def test_published_trades_become_rows(host: Host) -> None:
    """Each trade is there once, with every digit; the service was killed once before."""
    first = time.time_ns() // 1000
    asyncio.run(publish(first, 1_000))
    wait_for(host, first, 1_000)


def test_a_kill_loses_and_doubles_nothing(host: Host) -> None:
    """The service dies while messages are arriving; systemd starts it again and every trade is there once."""
    first = time.time_ns() // 1000
    asyncio.run(publish(first, 2_000))
    host.check_output(f"systemctl kill --signal=KILL {UNIT}")
    asyncio.run(publish(first + 2_000, 2_000))
    wait_for(host, first, 4_000)


def test_the_journal_of_clickhouse_is_not_filled_with_inserts_and_probes(host: Host) -> None:
    """Lines that each insert or each look at the server's health repeats hide the one that matters."""
    began = host.check_output("date +%s")
    first = time.time_ns() // 1000
    for number in range(5):
        asyncio.run(publish(first + 200 * number, 200))
        time.sleep(3)
    wait_for(host, first, 1_000)
    said = host.check_output(f"journalctl -u clickhouse-server -o cat --since @{began}")
    repeated = ("Unknown settings", "deduplication is disabled", "StaticRequestHandler")
    assert [line for line in said.splitlines() if any(words in line for words in repeated)] == []


def test_closed_windows_are_copied_once_whatever_is_killed(host: Host) -> None:
    """Cold storage dies and comes back; rows of an hour ago are in the cold database once, with every digit."""
    first = time.time_ns() // 1000
    asyncio.run(publish(first, 1_000, seconds_ago=3600))
    wait_for(host, first, 1_000)
    for _ in range(3):
        host.check_output(f"systemctl kill --signal=KILL {COLD_UNIT}")
        time.sleep(3)
    wait_for(host, first, 1_000, "marketprism_cold")


def test_cold_storage_is_ready_and_says_how_far_it_is(host: Host) -> None:
    """Status knows the unit and its port, because this installation has it."""
    status = json.loads(host.run("marketprism status --json").stdout)
    assert status["endpoints"]["storage_cold"].endswith(":8086")
    assert {service["unit"]: service["state"] for service in status["services"]}[COLD_UNIT] == "active"
    assert not [problem for problem in status["problems"] if "storage cold" in problem]


def test_secrets_are_private(host: Host) -> None:
    """No secret shows up in the unit, its properties, its journal or the list of processes."""
    shown = host.check_output(
        f"systemctl cat {UNIT}; systemctl show {UNIT}; journalctl --no-pager --unit={UNIT}; ps -eo args"
    )
    for name in ("nats-storage", "clickhouse-writer", "clickhouse-mover"):
        assert host.file(f"/etc/marketprism/credentials/{name}").content_string not in shown
