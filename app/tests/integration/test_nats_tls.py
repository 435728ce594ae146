"""NATS over TLS: who is admitted by the authority, and that everybody's connection is one that asks it."""

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from marketprism.collector.publisher import Publisher
from marketprism.contract.instruments import Source
from marketprism.errors import UnavailableError
from marketprism.nats_login import NatsLogin
from marketprism.ops import apply, status, trials
from marketprism.settings import NatsSettings, Settings
from marketprism.storage.link import Link
from tests.collector.events import instrument, trade
from tests.collector.waiting import until
from tests.integration.authority import Authority
from tests.integration.conftest import STORE_BYTES
from tests.integration.servers import NatsServer, artifact

pytestmark = pytest.mark.integration


ENDPOINTS = ("nats_monitor", "clickhouse_http", "storage_hot", "collector")
INSTALLATION = {
    "version": "1", "inventory": "test", "source": "simulated", "hosts": [], "clickhouse_reader": {"user": "reader"},
    "units": ["none.service"],
}  # fmt: skip


def _folder(parent: Path, name: str) -> Path:
    (parent / name).mkdir()
    return parent / name


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(_folder(tmp_path, "authority"))


@pytest.fixture
def server(tmp_path: Path, authority: Authority) -> Iterator[NatsServer]:
    binary = artifact("nats_server")
    if binary is None:
        pytest.skip("nats_server is not in the cache; run ansible-playbook playbooks/artifacts.yml")
    server = NatsServer(_folder(tmp_path, "nats"), binary, authority.server())
    server.start()
    yield server
    server.stop()


def settings_for(server: NatsServer, credentials: Path, **nats: object) -> Settings:
    given = {"url": server.url, "monitor_url": server.monitor_url, "store_bytes": STORE_BYTES}
    return Settings(credentials_directory=credentials, nats=NatsSettings(**(given | nats)))


async def test_every_user_works_with_a_server_that_the_authority_vouches_for(
    server: NatsServer, credentials: Path, authority: Authority
) -> None:
    settings = settings_for(server, credentials, ca_file=authority.certificate)
    assert (await apply.apply_streams(settings, check=False)).refused == []
    assert "4 streams, 3 consumers" in await trials.nats(settings)
    async with Publisher(login=NatsLogin.of(settings, "collector")) as publisher:
        await publisher.wait_connected()
        await publisher.publish("trade", Source.SIMULATED, instrument(), trade(1))
        await publisher.drain()
        assert publisher.published == 1
    link = Link(settings)
    async with asyncio.timeout(10):
        await link.connect()
    consumer = await link.client.jetstream().pull_subscribe_bind("storage-hot", "MARKET_DATA")
    (message,) = await consumer.fetch(1, timeout=5)
    assert message.subject == "trade.binance.spot.BTC-USDT"
    await link.close()


async def test_the_end_of_a_connection_is_no_news(
    server: NatsServer, credentials: Path, authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    """On the command line asyncio's warning of it stood before the answer."""
    link = Link(settings_for(server, credentials, ca_file=authority.certificate))
    async with asyncio.timeout(10):
        await link.connect()
    server.stop()
    await until(lambda: not link.is_connected, seconds=10)
    await link.close()
    assert [record.getMessage() for record in caplog.records if record.name == "asyncio"] == []


async def test_a_server_for_which_another_authority_vouches_is_not_talked_to(
    server: NatsServer, credentials: Path, tmp_path: Path
) -> None:
    other = Authority(_folder(tmp_path, "another"))
    with pytest.raises(UnavailableError, match="certificate verify failed"):
        await trials.nats(settings_for(server, credentials, ca_file=other.certificate))
    with pytest.raises(UnavailableError, match="certificate verify failed"):
        await trials.nats(settings_for(server, credentials))


async def test_storage_waits_for_a_server_that_it_can_trust(
    server: NatsServer, credentials: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failed handshake is one more attempt in vain, not the end of all attempts."""
    other = Authority(_folder(tmp_path, "another"))
    link = Link(settings_for(server, credentials, ca_file=other.certificate))
    failures: list[Exception] = []

    async def count(error: Exception) -> None:
        failures.append(error)

    monkeypatch.setattr(link, "_on_error", count)
    connecting = asyncio.create_task(link.connect())
    await until(lambda: len(failures) >= 2, seconds=10)
    assert not connecting.done()
    connecting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await connecting


@pytest.mark.parametrize(
    ("days", "said"),
    [
        (22, []),
        (20, [r"the certificate of NATS ends on 20\d\d-\d\d-\d\d; renew it with scripts/manage_all\.sh repair"]),
        (-1, [r"the certificate of NATS at tls://.* is refused: certificate has expired; renew it with .* repair"]),
    ],
)
async def test_health_tells_of_a_certificate_before_it_ends(
    tmp_path: Path, credentials: Path, authority: Authority, days: float, said: list[str]
) -> None:
    binary = artifact("nats_server")
    assert binary is not None
    server = NatsServer(_folder(tmp_path, "nats"), binary, authority.server(days))
    installation = tmp_path / "installation.json"
    installation.write_text(json.dumps(INSTALLATION | {"endpoints": dict.fromkeys(ENDPOINTS, "http://127.0.0.1:1")}))
    server.start()
    try:
        settings = settings_for(server, credentials, ca_file=authority.certificate)
        problems = (await status.gather(settings, installation)).problems
    finally:
        server.stop()
    found = [problem for problem in problems if "certificate" in problem]
    assert len(found) == len(said)
    assert all(re.fullmatch(pattern, problem) for pattern, problem in zip(said, found, strict=True))
    away = (await status.gather(settings, installation)).problems
    assert [problem for problem in away if "certificate" in problem] == []


async def test_a_plain_client_and_a_server_with_tls_do_not_meet(server: NatsServer, credentials: Path) -> None:
    with pytest.raises(UnavailableError, match="cannot be reached"):
        await trials.nats(settings_for(server, credentials, url=server.url.replace("tls:", "nats:")))


async def test_a_client_with_tls_takes_no_plain_server(
    nats_server: NatsServer, credentials: Path, authority: Authority
) -> None:
    """Not even one that answers at once and names no TLS, as somebody between could."""
    secured = nats_server.url.replace("nats:", "tls:")
    with pytest.raises(UnavailableError, match="cannot be reached"):
        await trials.nats(settings_for(nats_server, credentials, url=secured, ca_file=authority.certificate))
