"""``backup``, ``restore`` and ``drill`` against real servers: what comes back is compared value by value."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from nats.aio.client import Client as NatsClient
from nats.js.api import ConsumerConfig
from typer.testing import CliRunner

from marketprism.cli import app
from marketprism.contract.catalog import HOT_DATABASE, STREAMS
from marketprism.contract.tables import TABLES
from marketprism.errors import ConfigurationError, UnavailableError
from marketprism.lock import only_one
from marketprism.ops import backup as backups
from marketprism.ops import snapshots
from marketprism.ops.restore import RestoreError
from tests.integration.conftest import api, connect
from tests.integration.servers import ClickHouseServer, NatsServer

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("streams")]

TRADES = 5000
MESSAGES = 300
CONTENT = (
    "SELECT count(), sum(cityHash64(timestamp, price, quantity, trade_id, stream_seq, inserted_at))"
    f" FROM {HOT_DATABASE}.trades"
)


@pytest.fixture
def target(
    config_file: Path, clickhouse_server: ClickHouseServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Path:
    """A directory for backups, where the server may write; rows settle at once."""
    monkeypatch.setenv("MARKETPRISM_CONFIG", str(config_file))
    monkeypatch.setattr(backups, "SETTLING_SECONDS", -60)
    path = clickhouse_server.backups / tmp_path.name
    for name in ("clickhouse", "jetstream"):
        (path / name).mkdir(parents=True)
    return path


@pytest.fixture
def trades(tables: ClickHouseServer) -> Iterator[ClickHouseServer]:
    """A table of trades with known rows; databases that a test laid aside are removed afterwards."""
    insert_trades(tables, first=0)
    yield tables
    for name in tables.query("SELECT name FROM system.databases WHERE name LIKE '%aside%'").split():
        tables.query(f"DROP DATABASE {name} SYNC")
    tables.make_tables()


def insert_trades(server: ClickHouseServer, first: int) -> None:
    server.query(
        f"INSERT INTO {HOT_DATABASE}.trades (source, exchange, market, symbol, timestamp, id_kind, side, price,"
        " quantity, trade_id, stream_epoch, stream_seq, item) SELECT 'simulated', 'binance', 'spot', 'BTC-USDT',"
        " toDateTime64('2026-11-24 00:00:00', 6, 'UTC') + number, 'fill', 'buy', toDecimal128(number, 2) / 100, 1,"
        f" number, 7, number, 0 FROM numbers({first}, {TRADES})"
    )


async def publish(server: NatsServer) -> None:
    client = await connect(server, "collector")
    for number in range(MESSAGES):
        await client.request("trade.binance.spot.BTC-USDT", b"%d" % number * 400, timeout=5)
    await client.close()


async def publish_until(server: NatsServer, stop: asyncio.Event) -> None:
    while not stop.is_set():
        await publish(server)


async def run(*arguments: str) -> dict[str, object]:
    result = await asyncio.to_thread(CliRunner().invoke, app, [*arguments, "--json"])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


async def contents(client: NatsClient) -> list[tuple[int, bytes]]:
    """Read the whole stream with a consumer of its own."""
    name = "reader"
    config = ConsumerConfig(name=name, durable_name=name, ack_policy="none", deliver_policy="all").as_dict()
    await api(client, f"CONSUMER.DURABLE.CREATE.MARKET_DATA.{name}", {"stream_name": "MARKET_DATA", "config": config})
    subscription = await client.jetstream().pull_subscribe_bind(name, "MARKET_DATA")
    messages = await subscription.fetch(MESSAGES, timeout=10)
    await api(client, f"CONSUMER.DELETE.MARKET_DATA.{name}")
    return [(message.metadata.sequence.stream, message.data) for message in messages]


def held(target: Path) -> set[str]:
    """What a target holds, without the content of the backups."""
    return {str(path.relative_to(target)) for path in (*target.iterdir(), *target.glob("*/*"))}


async def test_what_is_restored_equals_what_was_backed_up(
    target: Path, trades: ClickHouseServer, nats_server: NatsServer, nats_admin: NatsClient
):
    await publish(nats_server)
    before = trades.query(CONTENT), await contents(nats_admin)
    made = await run("backup", str(target))
    names = [f"{HOT_DATABASE}.{table.name}" for table in TABLES.values()]
    assert {name: made["rows"][name] for name in names} == dict.fromkeys(names, 0) | {f"{HOT_DATABASE}.trades": TRADES}
    assert made["messages"] == {name: MESSAGES if name == "MARKET_DATA" else 0 for name in STREAMS}

    trades.query(f"TRUNCATE TABLE {HOT_DATABASE}.trades")
    await api(nats_admin, "STREAM.PURGE.MARKET_DATA")
    done = await run("restore", str(target))
    assert done["id"] == made["id"]
    assert (trades.query(CONTENT), await contents(nats_admin)) == before
    assert (await api(nats_admin, "CONSUMER.INFO.MARKET_DATA.storage-hot"))["num_pending"] == MESSAGES


async def test_what_was_backed_up_while_messages_came_is_restored(
    target: Path, trades: ClickHouseServer, nats_server: NatsServer, nats_admin: NatsClient
):
    await publish(nats_server)
    before = await contents(nats_admin)
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(publish_until(nats_server, stop))
        made = await run("backup", str(target))
        stop.set()
    await run("restore", str(target), "--move-aside")
    found = await contents(nats_admin)
    assert found[:MESSAGES] == before
    assert len(found) >= MESSAGES
    state = (await api(nats_admin, "STREAM.INFO.MARKET_DATA"))["state"]
    assert state["last_seq"] >= made["messages"]["MARKET_DATA"]


@pytest.mark.parametrize(
    ("first", "last", "messages", "acknowledged", "whole"),
    [
        pytest.param(11, 20, 10, 0, True, id="as recorded"),
        pytest.param(11, 24, 14, 0, True, id="four came"),
        pytest.param(15, 24, 10, 16, True, id="four came, four were purged"),
        pytest.param(21, 20, 0, 20, True, id="all were purged"),
        pytest.param(15, 20, 6, 12, False, id="two of the front were not acknowledged"),
        pytest.param(15, 20, 6, 0, False, id="the front is missing"),
        pytest.param(11, 20, 9, 16, False, id="one is missing"),
        pytest.param(11, 19, 9, 16, False, id="the last is missing"),
        pytest.param(0, 0, 0, 0, False, id="empty"),
    ],
)
def test_a_restored_stream_is_whole_with_what_was_recorded(
    first: int, last: int, messages: int, acknowledged: int, whole: bool
):
    recorded = {"first_seq": 11, "last_seq": 20, "messages": 10}
    restored = {"first_seq": first, "last_seq": last, "messages": messages}
    assert snapshots.is_whole(recorded, restored, acknowledged) is whole


async def test_data_is_not_restored_over_unless_it_is_moved_aside(
    target: Path, trades: ClickHouseServer, nats_server: NatsServer, nats_admin: NatsClient
):
    await publish(nats_server)
    saved = trades.query(CONTENT)
    made = await run("backup", str(target))
    insert_trades(trades, first=TRADES)
    newer = trades.query(CONTENT)
    with pytest.raises(
        RestoreError,
        match=rf"backup {made['id']} \(.* UTC, 5,000 rows\) is to be restored, and there is data already:"
        r" .*trades \(10000 rows\), stream MARKET_DATA \(300 messages\); say --move-aside",
    ):
        await run("restore", str(target))
    assert trades.query(CONTENT) == newer
    await run("restore", str(target), "--move-aside", "--check")
    assert trades.query(CONTENT) == newer
    await run("restore", str(target), "--move-aside")
    assert trades.query(CONTENT) == saved
    (aside,) = trades.query("SELECT name FROM system.databases WHERE name LIKE '%aside%'").split()
    assert trades.query(CONTENT.replace(HOT_DATABASE, aside)) == newer
    assert list((target / "jetstream").glob("aside_*/MARKET_DATA.snapshot"))


async def test_the_second_backup_holds_what_is_new_and_needs_the_first(target: Path, trades: ClickHouseServer):
    full = await run("backup", str(target))
    await asyncio.sleep(1)  # ids are seconds
    insert_trades(trades, first=TRADES)
    saved = trades.query(CONTENT)
    made = await run("backup", str(target))
    assert made["base"] == full["id"]
    assert made["rows"][f"{HOT_DATABASE}.trades"] == 2 * TRADES
    assert made["bytes"] < 1.5 * full["bytes"]
    trades.query(f"TRUNCATE TABLE {HOT_DATABASE}.trades")
    await run("restore", str(target))
    assert trades.query(CONTENT) == saved


async def test_what_a_failed_backup_left_goes_before_the_next_one(target: Path, trades: ClickHouseServer):
    for name in ("clickhouse/20200101T000000Z", "jetstream/20200102T000000Z", "jetstream/aside_20200101T000000Z"):
        (target / name).mkdir()
        (target / name / "some").touch()
    (target / ".20200102T000000Z.json").touch()
    made = await run("backup", str(target))
    assert made["removed"] == ["20200101T000000Z", "20200102T000000Z"]
    place = f"clickhouse/{made['id']}"
    assert held(target) == {
        "clickhouse", "jetstream", "backup.lock", f"{made['id']}.json", place, f"jetstream/{made['id']}",
        "jetstream/aside_20200101T000000Z",
    }  # fmt: skip
    # By this name a backup is known that the server is still writing.
    assert trades.number(f"SELECT count() FROM system.backups WHERE name = 'File(\\'{target / place}\\')'") == 1


async def test_without_room_older_backups_go_and_without_any_the_next_one_is_refused(
    target: Path, trades: ClickHouseServer, monkeypatch: pytest.MonkeyPatch
):
    made = []
    for place in range(3):
        insert_trades(trades, first=(place + 1) * TRADES)
        made.append(await run("backup", str(target)))
        await asyncio.sleep(1)  # ids are seconds
    free = [int(str(one["bytes"])) for one in made]
    monkeypatch.setattr(backups, "free_bytes", lambda _: 0)
    with pytest.raises(UnavailableError, match=r"the next backup needs about [\d,]+ bytes, 0 are free.*larger disk"):
        await run("backup", str(target))
    assert {f"{one['id']}.json" for one in made} < held(target)

    monkeypatch.setattr(backups, "free_bytes", lambda _: max(free[1:]) * 6 // 5 - 1)
    last = await run("backup", str(target))
    assert (last["base"], last["removed"]) == (made[0]["id"], [made[1]["id"]])
    stayed = {f"clickhouse/{one['id']}" for one in (made[0], made[2], last)}
    assert {name for name in held(target) if name.startswith("clickhouse/")} == stayed
    assert (await run("drill", str(target)))["rows"][f"{HOT_DATABASE}.trades"] == 4 * TRADES


async def test_two_backups_are_not_made_at_once(target: Path, trades: ClickHouseServer):
    with (
        only_one(target, "backup"),
        pytest.raises(UnavailableError, match=r"another backup .*backup\.lock; wait until it has ended"),
    ):
        await run("backup", str(target))
    assert held(target) == {"clickhouse", "jetstream", "backup.lock"}


async def test_a_drill_compares_and_leaves_nothing_behind(target: Path, trades: ClickHouseServer):
    await run("backup", str(target))
    databases = trades.query("SELECT name FROM system.databases ORDER BY name")
    before = trades.query(CONTENT)
    drilled = await run("drill", str(target))
    assert drilled["rows"][f"{HOT_DATABASE}.trades"] == TRADES
    assert trades.query("SELECT name FROM system.databases ORDER BY name") == databases
    assert trades.query(CONTENT) == before


async def test_a_drill_fails_when_rows_are_not_as_recorded(target: Path, trades: ClickHouseServer):
    made = await run("backup", str(target))
    manifest = target / f"{made['id']}.json"
    manifest.write_text(manifest.read_text().replace(f'"least": {TRADES}', f'"least": {TRADES + 1}'))
    with pytest.raises(RestoreError, match=rf"trades of backup .* recorded is Rows\(least={TRADES + 1}"):
        await run("drill", str(target))
    assert trades.query("SELECT count() FROM system.databases WHERE name LIKE '%drill%'").strip() == "0"


async def test_a_damaged_backup_is_refused_before_anything_changes(target: Path, trades: ClickHouseServer):
    made = await run("backup", str(target))
    victim = max((target / "clickhouse" / str(made["id"])).rglob("*.bin"))
    victim.write_bytes(victim.read_bytes()[:-1] + b"!")
    before = trades.query(CONTENT)
    with pytest.raises(RestoreError, match=r"is damaged: clickhouse/.* has changed"):
        await run("restore", str(target), "--move-aside")
    assert trades.query(CONTENT) == before


async def test_a_target_that_was_not_prepared_is_refused(target: Path):
    with pytest.raises(
        ConfigurationError,
        match=r"clickhouse is no directory; set backup_dir in the inventory, and let playbooks/repair\.yml prepare it",
    ):
        await run("backup", str(target / "jetstream"))
