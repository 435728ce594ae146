"""One whole pipeline on loopback: simulated venues, collector, NATS, storage, ClickHouse; each a process of its own."""

import json
import os
import random
import socket
import subprocess
import sys
import time
import urllib.request
from enum import StrEnum
from pathlib import Path

import yaml

from marketprism.contract.catalog import CLICKHOUSE_USERS, HOT_DATABASE, STREAMS
from marketprism.contract.venues import VENUES
from marketprism.settings import Settings, load
from tests.integration.flows import StorageService
from tests.integration.servers import (
    PASSWORDS,
    ClickHouseServer,
    NatsServer,
    Server,
    artifact,
    eventually,
    fetch,
    free_port,
)

STORE_BYTES = 512 * 1024**2
WAIT_SECONDS = 180.0
"""Patience with a busy computer; what a recovery may take is judged at the end, see `table`."""

RATE = 10
"""Mean trades per second and symbol; ten symbols, and as many times the changes of their books."""

BOOKS = sum(len(venue.symbols) for venue in VENUES.values())
FRESH = ("trades", "orderbook_deltas")
"""Tables that have to receive events again before a fault counts as over."""


_FORWARD = """
import asyncio, sys
async def pump(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    writer.close()
async def serve(reader, writer):
    there, back = await asyncio.open_connection("127.0.0.1", int(sys.argv[2]))
    await asyncio.gather(pump(reader, back), pump(there, writer))
async def main():
    async with await asyncio.start_server(serve, "127.0.0.1", int(sys.argv[1])) as server:
        await server.serve_forever()
asyncio.run(main())
"""


class Simulator(Server):
    """The venues, and the log of what they said; they also answer for the past, so nothing is forgotten."""

    def __init__(self, directory: Path, rate: float) -> None:
        super().__init__(directory)
        self.port = free_port()
        self.truth = directory / "truth"
        self.command = [
            *(sys.executable, "-m", "marketprism", "sim", "--port", str(self.port), "--rate", str(rate)),
            *("--truth", str(self.truth), "--truth-all", "--truth-mb", "4000", "--truth-files", "0"),
            *("--state", str(directory / "state"), "--seed", str(random.randrange(10**6))),
        ]

    def is_up(self) -> bool:
        return fetch(f"http://127.0.0.1:{self.port}/health")[0] == 200


class Collector(Server):
    """The collector, on a configuration of its own: its NATS may be behind something that can be cut."""

    def __init__(self, directory: Path, config: Path, settings: Settings) -> None:
        super().__init__(directory)
        self.url = f"http://127.0.0.1:{settings.collector.health_port}"
        self.spool = settings.collector.spool_directory
        self.command = [sys.executable, "-m", "marketprism", "collector"]
        self.environ = {**os.environ, "MARKETPRISM_CONFIG": str(config)}

    def is_up(self) -> bool:
        return fetch(f"{self.url}/live")[0] == 200


class Hop(StrEnum):
    """Who reaches whom over a link that can be cut."""

    COLLECTOR_TO_NATS = "from collector to NATS"
    STORAGE_TO_NATS = "from storage to NATS"
    STORAGE_TO_CLICKHOUSE = "from storage to ClickHouse"


class Link(Server):
    """The network between two of them: killed it breaks connections, stopped it swallows everything."""

    def __init__(self, directory: Path, target: int) -> None:
        super().__init__(directory)
        self.port = free_port()
        self.command = [sys.executable, "-c", _FORWARD, str(self.port), str(target)]

    def is_up(self) -> bool:
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", self.port)) == 0


class Rig:
    """Everything of one experiment, in a directory of its own.

    Args:
        directory: Empty; receives all data and logs.
        rate: See `RATE`.
        store_bytes: What the streams may fill together.
        cut: Over which a `Link` leads.
    """

    def __init__(
        self, directory: Path, *, rate: float = RATE, store_bytes: int = STORE_BYTES, cut: Hop | None = None
    ) -> None:
        self.directory = directory
        binaries = [artifact("nats_server"), artifact("clickhouse_engine")]
        assert all(binaries), "run ansible-playbook playbooks/artifacts.yml"
        self.nats = NatsServer(self._folder("nats"), binaries[0])
        self.clickhouse = ClickHouseServer(self._folder("clickhouse"), binaries[1])
        self.simulator = Simulator(self._folder("simulator"), rate)
        self._store_bytes = store_bytes
        behind = self.clickhouse.native_port if cut is Hop.STORAGE_TO_CLICKHOUSE else self.nats.port
        self.link = Link(self._folder("link"), behind) if cut else None
        self._credentials = self._folder("credentials")
        for name, password in PASSWORDS.items():
            (self._credentials / name).write_text(password)
        self._ports = {name: free_port() for name in ("health_port", "metrics_port", "hot_port", "cold_port")}
        direct = {"nats": self.nats.port, "native": self.clickhouse.native_port}
        self.config = self._configure("marketprism.yml", direct)
        self.settings = load(self.config, environ={})
        stored = self._behind_link(cut, {Hop.STORAGE_TO_NATS: "nats", Hop.STORAGE_TO_CLICKHOUSE: "native"}, direct)
        storing = self._configure("storage.yml", stored)
        self.storage = StorageService(self._folder("storage"), storing, self.settings, needs=self.clickhouse)
        collected = self._configure("collector.yml", self._behind_link(cut, {Hop.COLLECTOR_TO_NATS: "nats"}, direct))
        self.collector = Collector(self._folder("collector"), collected, self.settings)
        for server in self._servers():
            server.patience_seconds = WAIT_SECONDS

    def _behind_link(self, cut: Hop | None, hops: dict[Hop, str], ports: dict[str, int]) -> dict[str, int]:
        if self.link is None or cut not in hops:
            return ports
        return ports | {hops[cut]: self.link.port}

    def _configure(self, name: str, ports: dict[str, int]) -> Path:
        base = f"127.0.0.1:{self.simulator.port}"
        addresses = {name: base + {"binance-spot": "/spot", "binance-usdm": "/usdm"}.get(name, "") for name in VENUES}
        content = {
            "source": "simulated",
            "credentials_directory": str(self._credentials),
            "nats": {
                "url": f"nats://127.0.0.1:{ports['nats']}",
                "monitor_url": self.nats.monitor_url,
                "store_bytes": self._store_bytes,
            },
            "clickhouse": {"native_port": ports["native"], "http_port": self.clickhouse.http_port},
            "collector": {
                "health_port": self._ports["health_port"],
                "metrics_port": self._ports["metrics_port"],
                "spool_directory": str(self.directory / "spool"),
            },
            "storage": {name: self._ports[name] for name in ("hot_port", "cold_port")},
            "venues": {
                name: {
                    "ws_url": f"ws://{address}",
                    "rest_url": f"http://{address}",
                    "data_types": list(VENUES[name].data_types),
                }
                for name, address in addresses.items()
            },
        }
        path = self.directory / name
        path.write_text(yaml.safe_dump(content))
        return path

    def start(self) -> None:
        """Start everything and wait until events flow."""
        self.nats.start()
        if self.link:
            self.link.start()
        self.clickhouse.start()
        self.command("schema", "apply")
        self.command("streams", "apply")
        self.simulator.start()
        self.storage.start()
        self.collector.start()
        self.flows()

    def command(self, *words: str) -> str:
        """Run one of the product's commands, which has to succeed."""
        ended = self.attempt(*words)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout

    def attempt(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run one of the product's commands to its end."""
        return subprocess.run(
            [sys.executable, "-m", "marketprism", *words],
            env={**os.environ, "MARKETPRISM_CONFIG": str(self.config)},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def flows(self) -> float:
        """Wait until trades and changes of now are stored of every book; starts ClickHouse where it has ended.

        Returns:
            Seconds that it took; whether that is too long is for the caller to say, once nothing is found to be lost.
        """
        started = time.monotonic()
        since_us = time.time_ns() // 1000
        while not self._stored_since(since_us):
            assert time.monotonic() - started < WAIT_SECONDS, "no events are stored any more"
            time.sleep(0.2)
        return time.monotonic() - started

    def _stored_since(self, since_us: int) -> bool:
        self.clickhouse.revive()  # as systemd does
        fresh = [
            f"(SELECT uniqExact(exchange, market, symbol) FROM {HOT_DATABASE}.{name}"
            f" WHERE timestamp > fromUnixTimestamp64Micro({since_us}))"
            for name in FRESH
        ]
        try:
            return self.ask(f"SELECT least({', '.join(fresh)})") == str(BOOKS)
        except (AssertionError, OSError):
            return False

    def ask(self, sql: str, **parameters: str) -> str:
        """Ask ClickHouse; a plain answer, or an error where it is away."""
        return self.clickhouse.query(sql, **parameters).strip()

    def finish(self) -> None:
        """Let the venues fall silent, and wait until everything they said is stored or laid aside."""
        self.simulator.stop()
        eventually(self._collector_is_empty, WAIT_SECONDS, "the collector has delivered everything")
        eventually(lambda: not self.pending(), WAIT_SECONDS, "storage has stored everything")

    def _collector_is_empty(self) -> bool:
        self.clickhouse.revive()
        return self.unacknowledged() == 0

    def unacknowledged(self) -> int:
        """Count the events that the collector has taken and JetStream has not acknowledged; -1 where it is silent."""
        body = fetch(f"{self.collector.url}/health")[1]
        if not body:
            return -1
        publisher = yaml.safe_load(body)["details"]["publisher"]
        return publisher["in_flight"] + publisher["spooled"]

    def consumers(self) -> list[dict[str, object]]:
        """Return storage's consumers as NATS describes them."""
        accounts = self.nats.jsz().get("account_details", [])
        return [
            consumer
            for account in accounts
            for stream in account.get("stream_detail", [])
            for consumer in stream.get("consumer_detail", [])
            if consumer["name"] == next(iter(STREAMS.values())).consumer
        ]

    def inject(self, fault: str, **parameters: object) -> None:
        """Let the venues do something."""
        body = json.dumps({"fault": fault} | parameters).encode()
        urllib.request.urlopen(f"http://127.0.0.1:{self.simulator.port}/control/faults", body, timeout=10).close()

    def pending(self) -> int:
        """Count the messages that storage has not acknowledged."""
        self.clickhouse.revive()
        return sum(each["num_pending"] + each["num_ack_pending"] for each in self.consumers())

    def stop(self) -> None:
        """End everything; the data stays."""
        for server in self._servers():
            if server.process is not None and server.process.poll() is None:
                server.kill()

    def _servers(self) -> list[Server]:
        servers = [self.collector, self.storage, self.simulator, self.nats, self.clickhouse]
        return servers if self.link is None else [*servers, self.link]

    def _folder(self, name: str) -> Path:
        path = self.directory / name
        path.mkdir()
        return path


WRITER = CLICKHOUSE_USERS["writer"]
