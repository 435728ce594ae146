"""What goes through the pipeline is damaged, late, too much, or meets a second writer."""

import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from marketprism.contract.catalog import HOT_DATABASE
from tests.faults.damage import corrupted, dead_letters, flip_bit_of_a_trade, publish, stored_messages, tear_spool
from tests.faults.kills import Kills
from tests.faults.rig import BOOKS, Rig
from tests.faults.table import Table
from tests.faults.test_kills_collector import backfill
from tests.faults.test_servers import recovered
from tests.integration.flows import StorageService
from tests.integration.servers import eventually
from tests.storage.envelopes import SAMPLES, message

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]
FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1")
SNAPSHOTS = f"SELECT uniqExact(exchange, market, symbol) FROM {HOT_DATABASE}.orderbooks"
NAME = "trade.binance.spot.BTC-USDT"
_LONG = msgspec.structs.replace(SAMPLES["orderbook_delta"], bids=[("9" * 5000, "1")], asks=[])
POISON = [
    (NAME, b""),
    (NAME, b"no JSON"),
    (NAME, b"[]"),
    (NAME, b"\xff\xfe" * 500_000),
    (NAME, b'{"type": "trade", "events": [1, 2, 3]}'),
    ("trade.nowhere.spot.BTC-USDT", b"{}"),
    ("orderbook_delta.binance.spot.BTC-USDT", b'{"type": "trade"}'),
    ("orderbook_delta.binance.spot.BTC-USDT", message(1, _LONG, data_type="orderbook_delta").payload),
]


def test_poison_is_laid_aside(rig: Rig, table: Table) -> None:
    publish(rig, POISON * 20)
    kills = recovered(rig)
    eventually(lambda: dead_letters(rig) == 20 * len(POISON), 20, "every poisonous message is laid aside")
    table.conclude(rig, f"{20 * len(POISON)} poisonous messages, as many dead letters", kills)


def test_messages_come_again_in_disorder_and_damaged(rig: Rig, table: Table) -> None:
    dice = random.Random(1)
    damaged = 0
    for _ in range(3):
        time.sleep(2)
        for stream in ("MARKET_DATA", "ORDERBOOK_DELTA", "ORDERBOOK_SNAP"):
            messages = stored_messages(rig, stream, 150)
            spoilt = corrupted(messages[:20], dice)
            damaged += len(spoilt)
            publish(rig, dice.sample(messages + spoilt, len(messages) + len(spoilt)))
    kills = recovered(rig)
    eventually(lambda: dead_letters(rig) == damaged, 20, f"{damaged} damaged messages are laid aside")
    table.conclude(rig, f"messages twice, in disorder, {damaged} damaged", kills)


def test_a_second_writer_is_refused(rig: Rig, table: Table) -> None:
    second = StorageService(rig.storage.directory, rig.config, rig.settings)
    second.spawn()
    assert second.process is not None
    assert second.process.wait(120) != 0
    assert "another storage-hot writer holds" in second.log()
    table.conclude(rig, "second writer on the same host", recovered(rig))


@pytest.mark.skipif(not FAKETIME.exists(), reason="libfaketime is not installed: apt-get install faketime")
@pytest.mark.parametrize("shift", ["+1h", "-1h"])
def test_the_clock_of_the_collector_is_wrong(shift: str, make_rig: Callable[..., Rig], table: Table) -> None:
    """Not that of storage: libfaketime refuses the absolute sleeps of its threads."""
    rig = make_rig()
    rig.collector.environ |= {"LD_PRELOAD": str(FAKETIME), "FAKETIME": shift, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    rig.start()
    time.sleep(20)
    table.conclude(rig, f"clock of the collector {shift}", recovered(rig))


@pytest.mark.skipif(not FAKETIME.exists(), reason="libfaketime is not installed: apt-get install faketime")
def test_the_clock_of_the_collector_is_set_back_by_an_hour(make_rig: Callable[..., Rig], table: Table) -> None:
    rig = make_rig()
    shift = rig.directory / "shift"
    shift.write_text("+1h")
    rig.collector.environ |= {
        "LD_PRELOAD": str(FAKETIME),
        "FAKETIME_TIMESTAMP_FILE": str(shift),
        "FAKETIME_CACHE_DURATION": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    rig.start()
    time.sleep(15)
    shift.write_text("+0h")
    time.sleep(5)
    since = f"{SNAPSHOTS} WHERE inserted_at > now() - 5 AND received_at < now() + 60"
    eventually(lambda: int(rig.ask(since)) == BOOKS, 20, "every book is published by the clock's new time")
    table.conclude(rig, "clock of the collector set back by 1 h", recovered(rig))


def test_the_spool_is_torn(rig: Rig, table: Table) -> None:
    rig.nats.send(signal.SIGSTOP)
    time.sleep(6)
    rig.collector.kill()
    tear_spool(rig)
    rig.nats.send(signal.SIGCONT)
    rig.collector.start()
    kills = recovered(rig)
    backfill(rig)
    table.conclude(rig, "spool torn at its end", kills, restarts_books=True)


def test_a_bit_of_a_stored_message_flips(rig: Rig, table: Table) -> None:
    """NATS leaves the message out; the audit names the id, and the venue still has the trade."""
    rig.storage.kill()
    time.sleep(5)
    rig.nats.stop()
    flip_bit_of_a_trade(rig)
    rig.nats.start()
    rig.storage.start()
    kills = recovered(rig)
    found = rig.attempt("audit")
    assert found.returncode == 1, found.stdout
    assert "missing ids are in no ledger" in found.stdout
    backfill(rig)
    table.conclude(rig, "one bit of a message that was not stored yet", kills)


def test_ten_times_the_flow_for_a_minute(rig: Rig, table: Table) -> None:
    rig.inject("burst", factor=10, seconds=60)
    time.sleep(60)
    table.conclude(rig, "ten times the flow for 60 s", recovered(rig))


def test_everything_dies_at_once(rig: Rig, table: Table) -> None:
    """As in a power cut; the next boot has another name."""
    kills = Kills()
    for boot in range(5):
        servers = [rig.collector, rig.nats, rig.storage, rig.clickhouse]
        for server in servers:
            server.send(signal.SIGKILL)
        kills.note("killed")
        for server in servers:
            server.wait()
        rig.storage.environ["BOOT_ID"] = f"{boot:032x}"
        for server in reversed(servers):
            server.spawn()
        recovered(rig, kills)
    backfill(rig)
    table.conclude(rig, "all processes at once, then another boot", kills, restarts_books=True)


def test_everything_is_stopped_and_booted_again(rig: Rig, table: Table) -> None:
    servers = [rig.collector, rig.storage, rig.nats, rig.clickhouse]
    for server in servers:
        server.stop()
    rig.storage.environ["BOOT_ID"] = "f" * 32
    for server in reversed(servers):
        server.spawn()
    kills = recovered(rig)
    backfill(rig)
    table.conclude(rig, "orderly stop and another boot", kills, restarts_books=True)
