"""The whole way: frames through adapter and book, publisher, NATS, storage into ClickHouse, each a process of its own.

At full speed the feeding waits for storage, so what is measured is what all of it sustains; the rate is that of rows in
the tables. CPU time is that of all four processes together. At 10,000 events a second the latency is measured: from the
receipt of a frame, which is in every row, until a query that asks every 20 ms sees the row.
"""

import asyncio
import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import clickhouse_driver
from tests.integration.flows import StorageService
from tests.integration.servers import PASSWORDS, ClickHouseServer, eventually

from benchmarks.frames import Session
from benchmarks.processes import cpu_seconds, resident_mib
from benchmarks.report import Row, Show
from benchmarks.stack import Stack, running
from marketprism.contract.catalog import CLICKHOUSE_USERS, HOT_DATABASE
from marketprism.settings import load

PACE = 10_000
"""Events a second at which the latency is measured."""

POLL_SECONDS = 0.02
WARM_SECONDS = 3.0
MOST_SECONDS = 120.0
"""For the first row to come, and for the last."""
FRAMES = 50_000
"""Of all instruments together, before the session begins anew."""
TABLES = ("trades", "orderbook_deltas", "orderbooks")


@dataclass(frozen=True)
class Running:
    """The four processes, by name."""

    stack: Stack
    pids: dict[str, int]

    def rows(self) -> int:
        return sum(self.stack.clickhouse.number(f"SELECT count() FROM {HOT_DATABASE}.{table}") for table in TABLES)

    def cpu(self) -> dict[str, float]:
        return {name: cpu_seconds(pid) for name, pid in self.pids.items()}


async def run(session: Session, instruments: Sequence[int], rounds: int, seconds: float, show: Show) -> None:
    for symbols in instruments:
        rows = await sustained(session, symbols, rounds, seconds)
        show(f"the whole way at full speed for {seconds:.0f} s, {symbols} instruments", rows)
    rows = await paced(session, instruments[0], seconds)
    show(f"the whole way at {PACE:,} events/s, {instruments[0]} instruments", rows)


async def sustained(session: Session, symbols: int, rounds: int, seconds: float) -> list[Row]:
    """Measure windows of equal length of one run."""
    rates, costs = [], []
    async with running() as stack:
        with processes(stack, session, symbols, rate=0) as live:
            memory = {name: [resident_mib(pid)] for name, pid in live.pids.items()}
            for _ in range(rounds):
                rows, cpu, started = live.rows(), live.cpu(), time.perf_counter()
                await asyncio.sleep(seconds / rounds)
                rows, passed = live.rows() - rows, time.perf_counter() - started
                rates.append(rows / passed)
                costs.append({name: (used - cpu[name]) / rows for name, used in live.cpu().items()})
                for name, pid in live.pids.items():
                    memory[name].append(resident_mib(pid))
    return [
        Row(name="events stored", unit="events/s", values=rates, target="30,000"),
        Row(
            name="events stored by CPU time of all processes",
            unit="events/CPU s",
            values=[1 / sum(cost.values()) for cost in costs],
        ),
        *(
            Row(name=f"CPU time of {name}", unit="us/event", values=[cost[name] * 1e6 for cost in costs])
            for name in costs[0]
        ),
        *(Row(name=f"memory of {name}, through the run", unit="MiB", values=values) for name, values in memory.items()),
    ]


async def paced(session: Session, symbols: int, seconds: float) -> list[Row]:
    async with running() as stack:
        with processes(stack, session, symbols, rate=PACE) as live:
            rows, started = live.rows(), time.perf_counter()
            found = latencies(stack.clickhouse, seconds)
            rate = (live.rows() - rows) / (time.perf_counter() - started)
    found.sort()
    return [
        Row(name="events stored", unit="events/s", values=[rate]),
        Row(name="from frame to visible row, half of the trades", unit="ms", values=[found[len(found) // 2]]),
        Row(name="99 of 100", unit="ms", values=[found[len(found) * 99 // 100]], target="500"),
    ]


def latencies(server: ClickHouseServer, seconds: float) -> list[float]:
    """Return, for every trade that becomes visible, the milliseconds since its frame was received."""
    client = clickhouse_driver.Client(
        "127.0.0.1",
        port=server.native_port,
        user=CLICKHOUSE_USERS["reader"],
        password=PASSWORDS["clickhouse-reader"],
    )
    newest = f"SELECT max(stream_seq) FROM {HOT_DATABASE}.trades"
    news = (
        "SELECT max(stream_seq), groupArray(toUnixTimestamp64Micro(timestamp) + receive_delay_us)"
        f" FROM {HOT_DATABASE}.trades WHERE stream_seq > %(seen)s"
    )
    ((seen,),) = client.execute(newest)
    found: list[float] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        ((last, received_us),) = client.execute(news, {"seen": seen})
        now_us = time.time_ns() / 1000
        found += [(now_us - each) / 1000 for each in received_us]
        seen = max(seen, last)
        time.sleep(POLL_SECONDS)
    client.disconnect()
    return found


@contextmanager
def processes(stack: Stack, session: Session, symbols: int, *, rate: float) -> Iterator[Running]:
    """Run storage and the collector's stand-in, warmed up; at the end all that was published has to be stored."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        files = session.of_many(symbols, FRAMES, tops=False).write(directory)
        storage = StorageService(directory, stack.config_file, load(stack.config_file, environ={}))
        storage.start()
        command = [sys.executable, "-m", "benchmarks.worker_collector", str(stack.config_file)]
        command += [*files, str(rate)]
        collector = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1])
        try:
            servers = {"nats-server": stack.nats, "storage": storage, "ClickHouse": stack.clickhouse}
            pids = {"collector": collector.pid}
            pids |= {name: server.process.pid for name, server in servers.items() if server.process is not None}
            live = Running(stack, pids)
            eventually(lambda: live.rows() > 0, MOST_SECONDS, what="rows come")
            time.sleep(WARM_SECONDS)
            yield live
            collector.send_signal(signal.SIGTERM)
            published = json.loads(collector.communicate(timeout=MOST_SECONDS)[0])["published"]
            gaps = f"SELECT count() FROM {HOT_DATABASE}.gap_events"
            eventually(
                lambda: live.rows() + stack.clickhouse.number(gaps) == published,
                MOST_SECONDS,
                what=f"{published} events are stored",
            )
        finally:
            collector.kill()
            collector.wait()
            storage.stop()
