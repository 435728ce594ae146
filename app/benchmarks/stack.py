"""The real servers for a benchmark, with the contract's streams and tables, on loopback and in temporary folders."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml
from tests.integration.conftest import connect, make_streams
from tests.integration.servers import PASSWORDS, ClickHouseServer, NatsServer, artifact, free_port

from marketprism.contract.catalog import HOT_DATABASE
from marketprism.contract.tables import TABLES

STORE_BYTES = 8 * 1024**3


@dataclass(frozen=True)
class Stack:
    """Running servers.

    Attributes:
        config_file: A configuration that names them, for a process or for `settings.load`.
    """

    nats: NatsServer
    clickhouse: ClickHouseServer
    config_file: Path

    async def empty(self) -> None:
        """Make streams and consumers anew, and empty the tables."""
        for table in TABLES.values():
            self.clickhouse.query(f"TRUNCATE TABLE {HOT_DATABASE}.{table.name}")
        admin = await connect(self.nats, "admin")
        await make_streams(admin, STORE_BYTES)
        await admin.close()


@asynccontextmanager
async def running(**sections: object) -> AsyncIterator[Stack]:
    """Start both servers; `sections` are added to the configuration."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        directory = Path(name)
        nats = NatsServer(_made(directory / "nats"), require("nats_server"))
        clickhouse = ClickHouseServer(_made(directory / "clickhouse"), require("clickhouse_engine"))
        nats.start()
        try:
            clickhouse.start()
            try:
                clickhouse.make_tables()
                stack = Stack(nats, clickhouse, _configuration(directory, nats, clickhouse, sections))
                await stack.empty()
                yield stack
            finally:
                clickhouse.kill()
        finally:
            nats.stop()


def require(name: str) -> Path:
    """Return a server's binary."""
    path = artifact(name)
    if path is None:
        raise SystemExit(f"{name} is not in the cache; run ansible-playbook playbooks/artifacts.yml")
    return path


def _made(directory: Path) -> Path:
    directory.mkdir()
    return directory


def _configuration(
    directory: Path, nats: NatsServer, clickhouse: ClickHouseServer, sections: dict[str, object]
) -> Path:
    credentials = _made(directory / "credentials")
    for name, secret in PASSWORDS.items():
        (credentials / name).write_text(secret)
    path = directory / "marketprism.yml"
    values = {
        "source": "simulated",
        "log_level": "ERROR",
        "credentials_directory": str(credentials),
        "nats": {"url": nats.url, "monitor_url": nats.monitor_url, "store_bytes": STORE_BYTES},
        "clickhouse": {"native_port": clickhouse.native_port, "http_port": clickhouse.http_port},
        "storage": {"hot_port": free_port()},
        "collector": {
            "health_port": free_port(),
            "metrics_port": free_port(),
            "spool_directory": str(_made(directory / "spool")),
        },
    }
    path.write_text(yaml.safe_dump(values | sections))
    return path
