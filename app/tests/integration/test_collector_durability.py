"""The real server says how it syncs."""

import json
from pathlib import Path

import pytest

from marketprism.collector.durability import sync_warning
from tests.integration.servers import NatsServer

pytestmark = pytest.mark.integration


async def test_a_server_with_sync_always_is_recognised(nats_server: NatsServer) -> None:
    assert await sync_warning(nats_server.monitor_url) is None


@pytest.mark.parametrize(("interval", "said"), [("100ms", "every 0.1 s"), (None, "every 120 s")])
async def test_a_server_with_an_interval_is_named(
    nats_server: NatsServer, tmp_path: Path, interval: str | None, said: str
) -> None:
    server = NatsServer(tmp_path, Path(nats_server.command[0]))
    configuration = tmp_path / "nats-server.json"
    content = json.loads(configuration.read_text())
    content["jetstream"] = {"store_dir": str(tmp_path / "store")} | ({"sync_interval": interval} if interval else {})
    configuration.write_text(json.dumps(content))
    server.start()
    try:
        assert said in str(await sync_warning(server.monitor_url))
    finally:
        server.stop()
