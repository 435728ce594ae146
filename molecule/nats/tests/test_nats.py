"""NATS after drift, a repair and a kill: what each user may do, what systemd does, what the unit exposes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import ssl
import urllib.request
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import nats
import pytest
from nats.aio.client import Client
from nats.js.api import ConsumerConfig, StreamConfig
from units import exposes_at_most, show

from marketprism.nats_login import NatsLogin
from marketprism.nkey import NKey

ADDRESS, PORT = "10.98.0.23", 4222
SEEDS = {
    "admin": "SUAN3DKWJEVZWJHE6BSSOU6T6TTR4LQM45EWJZ4F5NEOP65QZCYRIAEAWM",
    "collector": "SUADMG73ZQRNKL36KJI7KMAKY6M7OXOFUTN4VXLMM7RSXLTEOMSPPHZDNE",
    "storage": "SUAIQQBTDTUOBBDR4M4F5BS7SOLEWO7Z5T4BQYVPE5N22BC2R6UIQFVFNM",
}
TLS = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]) / "tls"
OLD_TLS = TLS.with_name("tls.old")
"""The authority of the first deployment, which was laid aside."""
UNIT = "nats-server.service"
EXPOSURE = 1.5


def trusting(directory: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=directory / "ca.crt")


async def connect(user: str, errors: list[str], seed: str = "", authority: Path = TLS) -> Client:
    """Connect as a user, with its own inbox; what the server refuses later is appended to ``errors``."""

    async def refused(error: Exception) -> None:
        errors.append(str(error))

    login = NatsLogin(f"tls://{ADDRESS}:{PORT}", user, NKey(seed or SEEDS[user]), trusting(authority))
    client = login.client()
    await client.connect(**login.options(), error_cb=refused, allow_reconnect=False, connect_timeout=5)
    return client


def run(use: Callable[..., Awaitable[Any]], *users: str) -> tuple[Any, list[str]]:
    """Run a coroutine with one client per user; returns its result and what was refused."""
    errors: list[str] = []

    async def session() -> Any:
        clients = [await connect(user, errors) for user in users]
        try:
            return await use(*clients)
        finally:
            for client in clients:
                await client.close()

    return asyncio.run(session()), errors


@pytest.fixture(scope="module", autouse=True)
def stream() -> None:
    """The stream TRADES with the durable consumer reader, as the administrator makes them."""

    async def make(admin: Client) -> None:
        js = admin.jetstream()
        with contextlib.suppress(nats.js.errors.NotFoundError):
            await js.delete_stream("TRADES")
        await js.add_stream(StreamConfig(name="TRADES", subjects=["trade.>"]))
        await js.add_consumer("TRADES", ConsumerConfig(durable_name="reader"))

    run(make, "admin")


def test_what_the_collector_publishes_storage_consumes_and_acknowledges() -> None:
    async def use(collector: Client, storage: Client) -> bytes:
        await collector.jetstream().publish("trade.binance.spot.BTC-USDT", b"{}")
        subscription = await storage.jetstream().pull_subscribe_bind("reader", "TRADES")
        message = (await subscription.fetch(1, timeout=5))[0]
        await message.ack_sync()
        return message.data

    data, refused = run(use, "collector", "storage")
    assert data == b"{}"
    assert refused == []


@pytest.mark.parametrize(
    ("user", "subject"),
    [
        ("collector", "other.subject"),
        ("collector", "$JS.API.STREAM.DELETE.TRADES"),
        ("storage", "trade.binance.spot.BTC-USDT"),
        ("storage", "$JS.API.STREAM.PURGE.TRADES"),
        ("admin", "trade.binance.spot.BTC-USDT"),
    ],
)
def test_nobody_publishes_what_is_not_his(user: str, subject: str) -> None:
    async def use(client: Client) -> None:
        await client.publish(subject, b"")
        await client.flush()
        await asyncio.sleep(0.2)

    _, refused = run(use, user)
    assert [error for error in refused if "permissions violation for publish" in error.lower()]


@pytest.mark.parametrize("subject", ["trade.>", "_INBOX.storage.>", "$SYS.>", ">"])
def test_the_collector_listens_to_nobody(subject: str) -> None:
    async def use(client: Client) -> None:
        await client.subscribe(subject)
        await client.flush()
        await asyncio.sleep(0.2)

    _, refused = run(use, "collector")
    assert [error for error in refused if "permissions violation for subscription" in error.lower()]


def test_a_key_that_the_server_does_not_know_is_refused() -> None:
    with pytest.raises(nats.errors.Error, match=r"(?i)authorization"):
        asyncio.run(connect("collector", [], NKey.generate().seed))


def test_a_client_that_speaks_plainly_is_told_nothing_and_cannot_talk() -> None:
    with socket.create_connection((ADDRESS, PORT), timeout=5) as plain:
        plain.sendall(b"CONNECT {}\r\nPING\r\n")
        answer = b""
        with contextlib.suppress(ConnectionResetError):
            answer = plain.recv(4096)
    assert answer[:1] in {b"", b"\x15"}, "nothing, or TLS's own word for a broken handshake"


def test_only_the_authority_of_now_vouches_for_the_server() -> None:
    """The repair made a new one, as its place was empty, and the server took it over without a restart."""
    assert (TLS / "ca.crt").read_text() != (OLD_TLS / "ca.crt").read_text()
    with pytest.raises(ssl.SSLCertVerificationError):
        asyncio.run(connect("collector", [], authority=OLD_TLS))


def test_a_certificate_that_was_about_to_end_was_renewed() -> None:
    with (
        socket.create_connection((ADDRESS, PORT)) as plain,
        trusting(TLS).wrap_socket(plain, server_hostname=ADDRESS) as secured,
    ):
        certificate = secured.getpeercert()
    ends = datetime.fromtimestamp(ssl.cert_time_to_seconds(certificate["notAfter"]), UTC)
    assert timedelta(days=390) < ends - datetime.now(UTC) < timedelta(days=400)
    assert ("IP Address", ADDRESS) in certificate["subjectAltName"]


def test_the_authoritys_key_never_leaves_the_controller(host) -> None:
    key = (TLS / "ca.key").read_text()
    assert (TLS / "ca.key").stat().st_mode & 0o777 == 0o600
    assert host.run("grep -rlsF -e %s /etc /opt /run /tmp /var/lib/nats", key.splitlines()[1]).stdout == ""
    served = host.file("/etc/nats/server.pem")
    assert (served.user, served.group, served.mode) == ("root", "nats", 0o640)


def test_systemd_restarted_the_killed_server(host) -> None:
    state = show(host, UNIT, "ActiveState", "NRestarts", "MainPID")
    assert state["ActiveState"] == "active"
    assert int(state["NRestarts"]) >= 1
    assert state["MainPID"] != host.file("/after-repair").content_string.strip()


def test_changed_users_only_reloaded_the_server(host) -> None:
    before, after = host.file("/before-repair").content_string, host.file("/after-repair").content_string
    assert before == after
    assert "Reloaded server configuration" in host.check_output(f"journalctl --no-pager --unit={UNIT}")


def test_every_message_is_synced_and_stored_outside_tmp() -> None:
    with urllib.request.urlopen("http://10.98.0.23:8222/jsz?config=true", timeout=5) as answer:
        jsz = json.load(answer)
    assert jsz["config"]["store_dir"] == "/var/lib/nats/jetstream"
    assert jsz["config"]["sync_always"] is True
    assert jsz["config"]["max_storage"] == 1073741824


def test_the_server_knows_no_secret_of_its_users(host) -> None:
    file = host.file("/etc/nats/users.conf")
    assert (file.user, file.group, file.mode) == ("root", "nats", 0o640)
    assert [user for user, seed in SEEDS.items() if NKey(seed).public not in file.content_string] == []
    assert [user for user, seed in SEEDS.items() if seed in file.content_string] == []


def test_the_unit_exposes_little(host) -> None:
    exposes_at_most(host, UNIT, EXPOSURE)


def test_it_listens_where_it_should_and_nowhere_else(host) -> None:
    lines = host.check_output("ss --listening --tcp --numeric --no-header --processes").splitlines()
    assert sorted(line.split()[3] for line in lines if "nats-server" in line) == ["10.98.0.23:4222", "10.98.0.23:8222"]
