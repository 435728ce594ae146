"""Servers that are restarted, lose data, run out of disk or are slow."""

import signal
import time
from collections.abc import Callable

import pytest

from marketprism.ops.doctor.rules.services import LATCHED
from tests.faults.damage import delete_stream, full, lose_part, small_disk
from tests.faults.kills import Kills
from tests.faults.rig import Rig
from tests.faults.table import Table
from tests.integration.servers import eventually

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]
FULL_SECONDS = 15


def recovered(rig: Rig, kills: Kills | None = None) -> Kills:
    """Note how long it takes from now until events are stored again."""
    kills = kills or Kills()
    kills.recovery_seconds.append(rig.flows())
    return kills


def test_each_server_is_restarted(rig: Rig, table: Table) -> None:
    kills = Kills()
    for server in (rig.nats, rig.clickhouse, rig.storage) * 2:
        server.stop()
        kills.note("stopped")
        server.start()
        recovered(rig, kills)
    table.conclude(rig, "restart of NATS, ClickHouse, storage", kills)


@pytest.mark.parametrize("torn", [False, True], ids=["removed", "torn"])
def test_the_newest_part_is_lost(torn: bool, rig: Rig, table: Table) -> None:
    kills = Kills()
    for _ in range(3):
        time.sleep(4)  # a new start of the server is told to the second
        lose_part(rig, torn=torn)
        kills.note("lost")
        rig.clickhouse.start()
        recovered(rig, kills)
    table.conclude(rig, f"newest part {'torn' if torn else 'removed'}", kills)


def test_a_stream_is_deleted_and_made_again(rig: Rig, table: Table) -> None:
    """What was not stored would go with it, so the collector stands still until everything is."""
    rig.collector.send(signal.SIGSTOP)
    eventually(lambda: not rig.pending(), 30, "everything is stored")
    delete_stream(rig, "MARKET_DATA")
    rig.collector.send(signal.SIGCONT)
    table.conclude(rig, "stream deleted and made again", recovered(rig))


def test_storage_is_frozen_for_longer_than_the_acknowledgement_may_take(rig: Rig, table: Table) -> None:
    for _ in range(2):
        rig.storage.send(signal.SIGSTOP)
        time.sleep(35)
        rig.storage.send(signal.SIGCONT)
        kills = recovered(rig)
    table.conclude(rig, "storage stopped for 35 s", kills)


def test_clickhouse_is_slow(rig: Rig, table: Table) -> None:
    until = time.monotonic() + 40
    while time.monotonic() < until:
        rig.clickhouse.send(signal.SIGSTOP)
        time.sleep(0.9)
        rig.clickhouse.send(signal.SIGCONT)
        time.sleep(0.1)
    table.conclude(rig, "ClickHouse at a tenth of its speed for 40 s", recovered(rig))


def test_the_disk_of_nats_is_full(make_rig: Callable[..., Rig], table: Table) -> None:
    """After a write that failed nats-server refuses the stream until somebody restarts it, as `fix nats-down` does."""
    rig = make_rig(store_bytes=96 * 1024**2)
    with small_disk(rig.nats.directory / "store", 256) as disk:
        rig.start()
        with full(disk):
            time.sleep(FULL_SECONDS)
        assert LATCHED.search(rig.nats.health())
        rig.nats.stop()
        rig.nats.start()
        table.conclude(rig, f"disk of NATS full for {FULL_SECONDS} s, then restarted", recovered(rig))
        rig.stop()


def test_the_disk_of_clickhouse_is_full(make_rig: Callable[..., Rig], table: Table) -> None:
    rig = make_rig()
    with small_disk(rig.clickhouse.directory / "data", 512) as disk:
        rig.start()
        with full(disk):
            time.sleep(FULL_SECONDS)
        table.conclude(rig, f"disk of ClickHouse full for {FULL_SECONDS} s", recovered(rig))
        rig.stop()
