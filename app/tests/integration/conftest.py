"""Fixtures for tests against real servers. They start once per session; each test finds empty streams and tables."""

import json
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import yaml
from nats.aio.client import Client as NatsClient

from marketprism.contract.catalog import COLD_DATABASE, HOT_DATABASE, STREAMS
from marketprism.contract.tables import TABLES, WATERMARKS
from marketprism.ops.streams import JetStream, steps
from marketprism.settings import Settings, load
from tests.integration.servers import PASSWORDS, ClickHouseServer, NatsServer, artifact, free_port

STORE_BYTES = 256 * 1024**2


def _artifact(name: str) -> Path:
    path = artifact(name)
    if path is None:
        pytest.skip(f"{name} is not in the cache; run ansible-playbook playbooks/artifacts.yml")
    return path


@pytest.fixture(scope="session")
def nats_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    server = NatsServer(tmp_path_factory.mktemp("nats"), _artifact("nats_server"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def clickhouse_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouseServer]:
    server = ClickHouseServer(tmp_path_factory.mktemp("clickhouse"), _artifact("clickhouse_engine"))
    server.start()
    server.make_tables()
    yield server
    server.kill()  # the engine ends slowly on SIGTERM, and its data goes with the temporary directory


@pytest.fixture(scope="session")
def credentials(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("credentials")
    for name, secret in PASSWORDS.items():
        (directory / name).write_text(secret)
    return directory


@pytest.fixture
async def nats_admin(nats_server: NatsServer) -> AsyncIterator[NatsClient]:
    """A connection that may do anything with JetStream."""
    client = await connect(nats_server, "admin")
    yield client
    await client.close()


async def connect(server: NatsServer, user: str) -> NatsClient:
    """Connect as one of the contract's users, with the inbox that its permissions ask for."""
    login = server.login(user)
    client = login.client()
    await client.connect(**login.options())
    return client


async def api(client: NatsClient, subject: str, body: object = None) -> dict[str, object]:
    """Call the JetStream API; the answer, errors included."""
    payload = b"" if body is None else json.dumps(body).encode()
    return json.loads((await client.request(f"$JS.API.{subject}", payload, timeout=5)).data)


async def make_streams(client: NatsClient, store_bytes: int) -> None:
    """Make the contract's streams and consumers anew and empty, as a deployment does."""
    for name in STREAMS:
        await api(client, f"STREAM.DELETE.{name}")
    for step in await steps(JetStream(client), store_bytes):
        answer = await api(client, step.subject, step.body)
        assert "error" not in answer, answer


@pytest.fixture
async def streams(nats_admin: NatsClient) -> None:
    """The contract's streams and consumers, made anew and empty."""
    await make_streams(nats_admin, STORE_BYTES)


@pytest.fixture
def tables(clickhouse_server: ClickHouseServer) -> ClickHouseServer:
    """ClickHouse with the contract's tables, empty."""
    for database in (HOT_DATABASE, COLD_DATABASE):
        for table in TABLES.values():
            clickhouse_server.query(f"TRUNCATE TABLE {database}.{table.name}")
    clickhouse_server.query(f"TRUNCATE TABLE {COLD_DATABASE}.{WATERMARKS.name}")
    return clickhouse_server


@pytest.fixture
def config_file(
    tmp_path: Path, nats_server: NatsServer, clickhouse_server: ClickHouseServer, credentials: Path
) -> Path:
    """A configuration for ``$MARKETPRISM_CONFIG`` of a subprocess; health ports are free ones."""
    path = tmp_path / "marketprism.yml"
    path.write_text(
        yaml.safe_dump(
            {
                "source": "simulated",
                "credentials_directory": str(credentials),
                "nats": {"url": nats_server.url, "monitor_url": nats_server.monitor_url, "store_bytes": STORE_BYTES},
                "clickhouse": {
                    "native_port": clickhouse_server.native_port,
                    "http_port": clickhouse_server.http_port,
                },
                "storage": {"hot_port": free_port(), "cold_port": free_port()},
                "collector": {"health_port": free_port(), "metrics_port": free_port()},
            }
        )
    )
    return path


@pytest.fixture
def settings(config_file: Path) -> Settings:
    """The same configuration, read."""
    return load(config_file, environ={name: os.environ[name] for name in ("PATH",)})
