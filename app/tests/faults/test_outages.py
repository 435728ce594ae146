"""One side is away for long, out of reach, or refuses; the others wait for it and lose nothing."""

import random
import resource
import signal
import time
from collections.abc import Callable

import pytest

from marketprism.contract.catalog import CLICKHOUSE_USERS, HOT_DATABASE
from tests.faults.damage import is_full, small_disk
from tests.faults.kills import Kills
from tests.faults.rig import Hop, Rig
from tests.faults.table import Table
from tests.faults.test_kills_collector import backfill
from tests.faults.test_servers import recovered
from tests.integration.servers import Server, eventually

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]
LONG_SECONDS = 90
CUT_SECONDS = 30
REFUSAL_SECONDS = 15
CHAOS_SECONDS = 300


@pytest.mark.parametrize("name", ["nats", "clickhouse"])
def test_a_server_is_away_for_long(name: str, rig: Rig, table: Table) -> None:
    server = server_of(rig, name)
    server.kill()
    time.sleep(LONG_SECONDS)
    server.start()
    table.conclude(rig, f"{name} away for {LONG_SECONDS} s", recovered(rig))


@pytest.mark.parametrize("name", ["nats", "clickhouse"])
def test_a_server_stands_still_for_longer_than_anybody_waits(name: str, rig: Rig, table: Table) -> None:
    server = server_of(rig, name)
    server.send(signal.SIGSTOP)
    time.sleep(LONG_SECONDS)
    server.send(signal.SIGCONT)
    table.conclude(rig, f"{name} stopped for {LONG_SECONDS} s", recovered(rig))


@pytest.mark.parametrize("hop", list(Hop))
def test_a_link_is_cut(hop: Hop, make_rig: Callable[..., Rig], table: Table) -> None:
    """Once silently, as by a firewall that drops; once with every connection reset."""
    rig = make_rig(cut=hop)
    rig.start()
    assert rig.link is not None
    kills = Kills()
    rig.link.send(signal.SIGSTOP)
    time.sleep(CUT_SECONDS)
    rig.link.send(signal.SIGCONT)
    recovered(rig, kills)
    rig.link.kill()
    time.sleep(CUT_SECONDS)
    rig.link.start()
    recovered(rig, kills)
    table.conclude(rig, f"link {hop} cut for {CUT_SECONDS} s, silently and with resets", kills)


def test_connections_break_again_and_again(make_rig: Callable[..., Rig], table: Table) -> None:
    rig = make_rig(cut=Hop.STORAGE_TO_CLICKHOUSE)
    rig.start()
    assert rig.link is not None
    dice, kills = random.Random(1), Kills()
    for _ in range(20):
        time.sleep(dice.uniform(0.1, 1.0))
        rig.link.kill()
        kills.note("broken")
        rig.link.start()
    table.conclude(rig, f"link {Hop.STORAGE_TO_CLICKHOUSE} broken", recovered(rig, kills))


def test_a_table_is_not_there_for_a_while(rig: Rig, table: Table) -> None:
    rig.ask(f"RENAME TABLE {HOT_DATABASE}.trades TO {HOT_DATABASE}.trades_away")
    time.sleep(REFUSAL_SECONDS)
    rig.ask(f"RENAME TABLE {HOT_DATABASE}.trades_away TO {HOT_DATABASE}.trades")
    table.conclude(rig, f"table of trades away for {REFUSAL_SECONDS} s", recovered(rig))


@pytest.mark.parametrize(
    ("right", "wrong"),
    [("<profile>default</profile>", "<profile>reader</profile>"), ("writersecret", "anothersecret")],
    ids=["read-only", "another password"],
)
def test_clickhouse_refuses_the_writer(
    right: str, wrong: str, request: pytest.FixtureRequest, rig: Rig, table: Table
) -> None:
    path = rig.clickhouse.directory / "users.xml"
    before = path.read_text()
    start = before.index(f"<{CLICKHOUSE_USERS['writer']}>")
    path.write_text(before[:start] + before[start:].replace(right, wrong, 1))
    rig.clickhouse.stop()
    rig.clickhouse.start()
    time.sleep(REFUSAL_SECONDS)
    path.write_text(before)
    rig.clickhouse.stop()
    rig.clickhouse.start()
    table.conclude(rig, f"writer refused for {REFUSAL_SECONDS} s: {request.node.callspec.id}", recovered(rig))


def test_no_descriptor_is_left_to_connect_with(rig: Rig, table: Table) -> None:
    services = [rig.storage, rig.collector]
    before = [limit_descriptors(service, 3) for service in services]
    for server in (rig.nats, rig.clickhouse):
        server.kill()
        server.start()
    time.sleep(REFUSAL_SECONDS)
    for service, limit in zip(services, before, strict=True):
        assert service.process is not None
        assert service.process.poll() is None, service.directory
        limit_descriptors(service, limit)
    kills = recovered(rig)
    backfill(rig)
    table.conclude(rig, f"no descriptors left for {REFUSAL_SECONDS} s", kills, restarts_books=True)


def test_the_disk_of_the_spool_is_full(make_rig: Callable[..., Rig], table: Table) -> None:
    """The collector then holds what is in its memory, and stops reading what would not fit any more."""
    rig = make_rig()
    with small_disk(rig.collector.spool, 1) as disk:
        rig.start()
        rig.nats.kill()
        eventually(lambda: is_full(disk), 120, "the spool's disk is full")
        time.sleep(REFUSAL_SECONDS)
        rig.nats.start()
        kills = recovered(rig)
        backfill(rig)
        table.conclude(rig, "disk of the spool full while NATS is away", kills, restarts_books=True)
        rig.stop()


def test_anything_happens_at_any_time(rig: Rig, table: Table) -> None:
    seed = random.randrange(10**6)
    dice, kills = random.Random(seed), Kills()
    end = time.monotonic() + CHAOS_SECONDS
    while time.monotonic() < end:
        victims = dice.sample([rig.nats, rig.clickhouse, rig.storage], dice.choice((1, 1, 2)))
        for victim in victims:
            victim.send(signal.SIGSTOP)
        time.sleep(dice.uniform(0.0, 12.0))
        killed = [victim for victim in victims if dice.random() < 0.6]
        for victim in victims:
            if victim in killed:
                victim.kill()
                kills.note("killed")
            else:
                victim.send(signal.SIGCONT)
        for victim in killed:
            victim.spawn()
        if dice.random() < 0.5:
            recovered(rig, kills)
    table.conclude(rig, f"anything for {CHAOS_SECONDS} s (seed {seed})", recovered(rig, kills))


def server_of(rig: Rig, name: str) -> Server:
    return {"nats": rig.nats, "clickhouse": rig.clickhouse}[name]


def limit_descriptors(server: Server, limit: int) -> int:
    """Set how many a process may have; what is open stays so. Returns the limit of before."""
    assert server.process is not None
    before, most = resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (limit, most))
    return before
