"""NATS after drift, a repair and a kill: what each user may do, what systemd does, what the unit exposes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import urllib.request
from collections.abc import Awaitable, Callable
from typing import Any

import nats
import pytest
from nats.errors import NoServersError
from nats.errors import TimeoutError as NatsTimeout
from nats.js.api import ConsumerConfig, StreamConfig

SERVER = "nats://10.98.0.23:4222"
PASSWORDS = {
    "admin": "adminadminadminadmin",
    "collector": "collectorcollectorco",
    "storage": "storagestoragestorage",
}
UNIT = "nats-server.service"
EXPOSURE = 1.5


async def connect(user: str, errors: list[str], password: str | None = None) -> nats.NATS:
    """Connect as a user, with its own inbox; what the server refuses later is appended to ``errors``."""

    async def refused(error: Exception) -> None:
        errors.append(str(error))

    return await nats.connect(
        SERVER,
        user=user,
        password=password or PASSWORDS[user],
        inbox_prefix=f"_INBOX.{user}".encode(),
        error_cb=refused,
        allow_reconnect=False,
        connect_timeout=5,
    )


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

    async def make(admin: nats.NATS) -> None:
        js = admin.jetstream()
        with contextlib.suppress(nats.js.errors.NotFoundError):
            await js.delete_stream("TRADES")
        await js.add_stream(StreamConfig(name="TRADES", subjects=["trade.>"]))
        await js.add_consumer("TRADES", ConsumerConfig(durable_name="reader"))

    run(make, "admin")


def show(host, *properties: str) -> dict[str, str]:
    lines = host.check_output(f"systemctl show --property={','.join(properties)} {UNIT}").splitlines()
    return dict(line.split("=", 1) for line in lines)


def test_what_the_collector_publishes_storage_consumes_and_acknowledges() -> None:
    async def use(collector: nats.NATS, storage: nats.NATS) -> bytes:
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
    async def use(client: nats.NATS) -> None:
        await client.publish(subject, b"")
        await client.flush()
        await asyncio.sleep(0.2)

    _, refused = run(use, user)
    assert [error for error in refused if "permissions violation for publish" in error.lower()]


@pytest.mark.parametrize("subject", ["trade.>", "_INBOX.storage.>", "$SYS.>", ">"])
def test_the_collector_listens_to_nobody(subject: str) -> None:
    async def use(client: nats.NATS) -> None:
        await client.subscribe(subject)
        await client.flush()
        await asyncio.sleep(0.2)

    _, refused = run(use, "collector")
    assert [error for error in refused if "permissions violation for subscription" in error.lower()]


@pytest.mark.parametrize(("user", "password"), [("collector", "wrong"), ("nobody", "wrong")])
def test_a_wrong_password_and_an_unknown_user_are_refused(user: str, password: str) -> None:
    with pytest.raises((NoServersError, NatsTimeout, nats.errors.Error), match=r"(?i)authorization|no servers"):
        asyncio.run(connect(user, [], password))


def test_systemd_restarted_the_killed_server(host) -> None:
    state = show(host, "ActiveState", "NRestarts", "MainPID")
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


def test_secrets_are_in_one_file_that_others_cannot_read(host) -> None:
    file = host.file("/etc/nats/users.conf")
    assert (file.user, file.group, file.mode) == ("root", "nats", 0o640)
    unit = host.check_output(f"systemctl show {UNIT}; systemctl cat {UNIT}; journalctl --no-pager; ps -eo args")
    assert not [password for password in PASSWORDS.values() if password in unit]


def test_the_unit_exposes_little(host) -> None:
    report = host.check_output(f"systemd-analyze security --no-pager {UNIT}")
    exposure = float(re.search(r"exposure level for \S+: ([0-9.]+)", report)[1])
    assert exposure <= EXPOSURE, report


def test_it_listens_where_it_should_and_nowhere_else(host) -> None:
    lines = host.check_output("ss --listening --tcp --numeric --no-header --processes").splitlines()
    assert sorted(line.split()[3] for line in lines if "nats-server" in line) == ["10.98.0.23:4222", "10.98.0.23:8222"]
