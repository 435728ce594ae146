"""Storing trades: ours from a preloaded stream of envelopes, against clickhouse-driver with ready-made columns.

Ours pulls envelopes of 50 trades from JetStream, decodes and checks them, drops what is stored already, inserts, and
acknowledges, as the service does. The ceiling inserts the same rows into the same table from Python lists that were
made before, in blocks of the same size: nothing that has to make the lists can be faster.
"""

import asyncio
import time
from collections.abc import Callable, Sequence

import clickhouse_driver
from tests.collector.events import instrument, trade
from tests.integration.conftest import connect
from tests.integration.servers import PASSWORDS

from benchmarks.report import Row, Show
from benchmarks.stack import Stack, running
from marketprism.contract import wire
from marketprism.contract.catalog import CLICKHOUSE_USERS, HOT_DATABASE, STREAMS, subject
from marketprism.contract.instruments import Source
from marketprism.contract.tables import TABLES
from marketprism.settings import load
from marketprism.storage import service
from marketprism.storage.clickhouse import insert_statement
from marketprism.storage.columns import Rows
from marketprism.storage.flow import BATCH_BYTES, Flow
from marketprism.storage.freshness import Freshness
from marketprism.storage.link import Link
from marketprism.storage.metrics import StorageMetrics
from marketprism.storage.server_mark import ServerMark
from marketprism.storage.writer import Writer
from marketprism.telemetry.watchdog import Watchdog

STREAM = STREAMS["MARKET_DATA"]
TABLE = TABLES["trade"]
POLL_SECONDS = 0.005


async def run(instruments: Sequence[int], rounds: int, trades: int, show: Show) -> None:
    async with running() as stack:
        for subjects in instruments:
            results = [await one_round(stack, subjects, trades) for _ in range(rounds)]
            ceiling, ours, cpu = (list(values) for values in zip(*results, strict=True))
            own = Row(name="ours, from the stream", unit="trades/s", values=ours, target="250,000 and 0.20 x")
            ready = Row(name="clickhouse-driver, ready-made columns", unit="trades/s", values=ceiling)
            by_cpu = Row(name="ours, by CPU time of the storing process", unit="trades/CPU s", values=cpu)
            title = f"storing {trades} trades of {subjects} subjects, 50 an envelope"
            show(title, [own, ready.beaten_by(own), by_cpu])


async def one_round(stack: Stack, subjects: int, trades: int) -> tuple[float, float, float]:
    """Return the rates of the ceiling, of ours, and of ours by its own CPU time."""
    await stack.empty()
    ready = await asyncio.to_thread(ready_blocks, subjects, trades)
    ceiling = trades / await asyncio.to_thread(insert, stack, ready)
    await stack.empty()
    await preload(stack, subjects, trades)
    seconds, cpu = await store(stack, trades)
    assert stack.clickhouse.number(f"SELECT uniqExact(symbol, trade_id) FROM {HOT_DATABASE}.trades") == trades
    return ceiling, trades / seconds, trades / cpu


def envelopes(subjects: int, trades: int) -> list[tuple[str, bytes]]:
    """Return subject and payload of every envelope; subjects take turns."""
    instruments = [instrument(f"S{number}-USDT") for number in range(subjects)]
    made = []
    for number in range(trades // wire.MAX_EVENTS):
        about = instruments[number % subjects]
        events = [trade(number * wire.MAX_EVENTS + place) for place in range(wire.MAX_EVENTS)]
        made.append((subject("trade", about), wire.encode("trade", Source.SIMULATED, about, events)))
    return made


def ready_blocks(subjects: int, trades: int) -> list[list[list[object]]]:
    """Return the columns of the same rows, in blocks of what one pull of ours brings."""
    blocks: list[Rows] = [Rows("trade")]
    size = 0
    for sequence, (name, payload) in enumerate(envelopes(subjects, trades), 1):
        if size + len(payload) > BATCH_BYTES:
            blocks.append(Rows("trade"))
            size = 0
        size += len(payload)
        blocks[-1].extend([wire.decode(name, payload)], 1, [sequence])
    return [[rows.columns[column.name] for column in TABLE.inserted] for rows in blocks]


def insert(stack: Stack, blocks: list[list[list[object]]]) -> float:
    client = clickhouse_driver.Client(
        "127.0.0.1",
        port=stack.clickhouse.native_port,
        user=CLICKHOUSE_USERS["writer"],
        password=PASSWORDS["clickhouse-writer"],
        settings={"insert_block_size": 1_048_576, "max_insert_block_size": 1_048_576, "async_insert": 0},
    )
    started = time.perf_counter()
    for columns in blocks:
        client.execute(insert_statement(HOT_DATABASE, TABLE), columns, columnar=True)
    seconds = time.perf_counter() - started
    client.disconnect()
    return seconds


async def preload(stack: Stack, subjects: int, trades: int) -> None:
    client = await connect(stack.nats, "collector")
    jetstream = client.jetstream(publish_async_max_pending=1000)
    for number, (name, payload) in enumerate(envelopes(subjects, trades)):
        await jetstream.publish_async(name, payload, headers={wire.MESSAGE_ID_HEADER: f"{time.time_ns()}:{number}"})
    await jetstream.publish_async_completed()
    await client.close()


async def store(stack: Stack, trades: int) -> tuple[float, float]:
    """Run the flow of the trades' stream until it has stored all; return seconds, of the clock and of CPU time."""
    settings = load(stack.config_file, environ={})
    link, stop = Link(settings), asyncio.Event()
    metrics = StorageMetrics(streams=[STREAM.name], data_types=TABLES)
    flow = Flow(
        stream=STREAM,
        settings=settings,
        link=link,
        writer=Writer(service.connect(settings), HOT_DATABASE, STREAM),
        server=ServerMark(stack.config_file.parent, "benchmark", STREAM.name),
        metrics=metrics,
        freshness=Freshness(settings, time.time_ns() // 1000),
        beat=Watchdog().loop(STREAM.name, 60),
        stop=stop,
    )
    await link.connect()
    async with asyncio.TaskGroup() as group:
        group.create_task(flow.run())
        await until(lambda: flow.ready)
        cpu, started = time.process_time(), time.perf_counter()
        await until(lambda: metrics.stored("trade") >= trades)
        seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
        stop.set()
    await link.close()
    return seconds, cpu


async def until(holds: Callable[[], bool]) -> None:
    while not holds():  # noqa: ASYNC110 - a metric has no event
        await asyncio.sleep(POLL_SECONDS)
