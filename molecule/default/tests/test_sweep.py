"""What a stranger finds: open ports, doors without a key, secrets that lie about."""

from __future__ import annotations

import asyncio
import concurrent.futures
import json
import os
import re
import socket
import subprocess
import tarfile
import urllib.error
import urllib.request
from pathlib import Path

import nats
import pytest
from nats.aio.client import Client
from testinfra.host import Host

from marketprism.nats_login import NatsLogin
from marketprism.nkey import NKey

ADDRESS = "10.98.0.20"
CLONE = Path(os.environ["MOLECULE_PROJECT_DIRECTORY"])
EPHEMERAL = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"])
CREDENTIALS = EPHEMERAL / "state" / "mp-default" / "credentials"
SECRETS = {path.name: path.read_text().strip() for path in CREDENTIALS.iterdir()} if CREDENTIALS.exists() else {}

SEED_LETTERS, PASSWORD_LETTERS = 58, 32
SSH = 22
OPENED = {
    "nats-server": {4222, 8222},
    "clickhouse-server": {8123, 9000},
    "marketprism-storage@hot": {8085},
    "marketprism-collector": {8087, 9093},
    "marketprism-simulator": {8190},
}
"""Ports that each unit opens on the address that the inventory binds it to; ClickHouse is on loopback as well."""
PORTS = {SSH}.union(*OPENED.values())

DENIED = {
    "admin": ["$JS.ACK.MARKET_DATA.storage-hot.1", "dead_letter.trade", "$SYS.REQ.SERVER.PING"],
    "collector": [
        "dead_letter.trade",
        "$JS.API.STREAM.DELETE.MARKET_DATA",
        "$JS.API.STREAM.PURGE.MARKET_DATA",
        "$JS.API.STREAM.UPDATE.MARKET_DATA",
        "$JS.API.CONSUMER.MSG.NEXT.MARKET_DATA.storage-hot",
        "$JS.ACK.MARKET_DATA.storage-hot.1",
        "$SYS.REQ.SERVER.PING",
    ],
    "storage": [
        "trade.binance.spot.BTC-USDT",
        "gap.binance",
        "$JS.API.STREAM.DELETE.MARKET_DATA",
        "$JS.API.STREAM.UPDATE.MARKET_DATA",
        "$JS.API.CONSUMER.DELETE.MARKET_DATA.storage-hot",
        "$JS.API.CONSUMER.CREATE.MARKET_DATA.somebody",
        "$SYS.REQ.SERVER.PING",
    ],
}
"""Subjects that a user has no business with."""
OVERHEARD = [">", "trade.>", "_INBOX.>", "$SYS.>", "$JS.EVENT.>"]


def test_every_listening_socket_is_on_the_list(host: Host) -> None:
    units = {}
    for unit in OPENED:
        pids = host.check_output(
            f"cat /sys/fs/cgroup/marketprism.slice/{unit}.service/cgroup.procs 2>/dev/null || true"
        )
        pids = pids or host.check_output(f"systemctl show --property=MainPID --value {unit}")
        units |= dict.fromkeys(pids.split(), unit)
    allowed = {(unit, f"{ADDRESS}:{port}") for unit, ports in OPENED.items() for port in ports}
    allowed |= {("clickhouse-server", f"127.0.0.1:{port}") for port in OPENED["clickhouse-server"]}
    allowed |= {("sshd", f"0.0.0.0:{SSH}"), ("sshd", f"[::]:{SSH}")}
    found = set()
    for line in host.check_output("ss -H --listening --tcp --udp --numeric --processes").splitlines():
        name, pid = re.findall(r'users:\(\("([^"]+)",pid=(\d+)', line)[0]
        found.add((units.get(pid, name), line.split()[4]))
    assert found == allowed


def test_a_scan_of_every_port_finds_what_the_inventory_opened() -> None:
    def is_open(port: int) -> bool:
        with socket.socket() as probe:
            probe.settimeout(5)
            return probe.connect_ex((ADDRESS, port)) == 0

    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        found = {port for port, answered in enumerate(pool.map(is_open, range(1, 65536)), 1) if answered}
    assert found == PORTS


def ask(user: str, password: str, sql: str = "SELECT 1") -> int:
    """Ask ClickHouse from this computer; returns the HTTP status."""
    login = {"X-ClickHouse-User": user, "X-ClickHouse-Key": password}
    request = urllib.request.Request(f"http://{ADDRESS}:8123/", sql.encode(), login)
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=20) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


@pytest.mark.parametrize("role", ["admin", "writer", "mover", "reader"])
def test_clickhouse_gives_nothing_to_a_wrong_password(role: str) -> None:
    user = f"marketprism_{role}"
    others = [secret for name, secret in SECRETS.items() if name != f"clickhouse-{role}"]
    assert [ask(user, password) for password in ("", "wrong", *others)] == [403] * (2 + len(others))
    assert ask(user, SECRETS[f"clickhouse-{role}"]) == 200


@pytest.mark.parametrize("user", ["default", "root", "nobody", ""])
def test_clickhouse_gives_nothing_to_a_stranger(user: str) -> None:
    assert ask(user, "") in {401, 403}


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT count() FROM marketprism_hot.trades",
        "INSERT INTO marketprism_hot.trades (trade_id) VALUES (1)",
        "CREATE TABLE default.t (a Int8) ENGINE = Memory",
        f"SELECT * FROM url('http://{ADDRESS}:8222/varz', LineAsString)",
        f"SELECT * FROM remote('{ADDRESS}:9000', marketprism_hot.trades)",
        "SELECT * FROM file('/etc/passwd', LineAsString)",
        "SELECT * FROM system.users",
        "SYSTEM SHUTDOWN",
    ],
)
def test_the_engines_own_user_can_read_no_table_and_reach_nothing(host: Host, sql: str) -> None:
    """On loopback `default` needs no password: it opens the engine's ports, and that is all it can do."""
    program = (
        "import sys, urllib.request, urllib.error\n"
        "try:\n    print(urllib.request.urlopen('http://127.0.0.1:8123/', sys.argv[1].encode()).read())\n"
        "except urllib.error.HTTPError as error:\n    print(error.read().decode())\n"
    )
    assert "ACCESS_DENIED" in host.check_output("python3 -c %s %s", program, sql)


async def connect(user: str, seed: str, errors: list[str]) -> Client:
    async def refused(error: Exception) -> None:
        errors.append(str(error))

    login = NatsLogin(f"nats://{ADDRESS}:4222", user, NKey(seed))
    client = login.client()
    await client.connect(**login.options(), error_cb=refused, allow_reconnect=False, connect_timeout=5)
    return client


def test_nats_gives_nothing_to_a_stranger() -> None:
    """Neither without a name, nor with a password, nor with a key that it does not know."""

    async def password(user: str, secret: str) -> None:
        await nats.connect(f"nats://{ADDRESS}:4222", user=user, password=secret, allow_reconnect=False)

    attempts = [
        connect("admin", NKey.generate().seed, []),
        nats.connect(f"nats://{ADDRESS}:4222", allow_reconnect=False),
    ]
    attempts += [password(user, SECRETS["nats-admin"]) for user in ("admin", NKey(SECRETS["nats-admin"]).public)]
    for attempt in attempts:
        with pytest.raises(nats.errors.Error, match=r"(?i)authorization|no servers"):
            asyncio.run(attempt)


def test_the_services_are_refused_nothing_that_they_need(host: Host) -> None:
    """Their jobs are seen to be done by the tests of the site; here that none of them asked for more."""
    assert "Violation - Nkey" not in host.check_output(
        "journalctl --no-pager --unit=nats-server --grep=Violation || true"
    )


@pytest.mark.parametrize("user", DENIED)
def test_a_nats_user_can_do_its_job_and_nothing_else(user: str) -> None:
    errors: list[str] = []

    async def session() -> None:
        client = await connect(user, SECRETS[f"nats-{user}"], errors)
        try:
            answer = await client.request("$JS.API.STREAM.INFO.MARKET_DATA", b"", timeout=5)
            assert json.loads(answer.data)["config"]["name"] == "MARKET_DATA"
            assert errors == []
            for subject in DENIED[user]:
                await client.publish(subject, b"")
            for subject in OVERHEARD:
                await client.subscribe(subject)
            await client.flush()
            await asyncio.sleep(0.5)
        finally:
            await client.close()

    asyncio.run(session())
    said = "\n".join(errors).lower()
    for subject in DENIED[user]:
        assert f'permissions violation for publish to "{subject}"'.lower() in said
    for subject in OVERHEARD:
        assert f'permissions violation for subscription to "{subject}"'.lower() in said


def test_no_secret_is_where_somebody_else_can_read_it(host: Host) -> None:
    """Units, properties, journal, arguments and environments of processes, and files that others can read."""
    assert len(SECRETS) == 7
    units = " ".join(f"{unit}.service" for unit in OPENED)
    shown = host.check_output(
        f"systemctl cat {units}; systemctl show {units}; journalctl --no-pager; ps -eo args;"
        " cat /proc/[0-9]*/environ || true"
    )
    for name, secret in SECRETS.items():
        assert len(secret) == (SEED_LETTERS if name.startswith("nats-") else PASSWORD_LETTERS)
        assert secret not in shown, name
        holders = host.run("grep -rlsF -e %s /etc /opt /run /tmp /var/lib/marketprism /var/log", secret).stdout.split()
        assert f"/etc/marketprism/credentials/{name}" in holders
        loose = [path for path in holders if host.file(path).mode & 0o007]
        assert loose == [], name


def test_the_support_bundle_and_what_is_said_of_it_hold_no_secret() -> None:
    """As an operator makes it who wants to know everything."""
    variables = {
        "marketprism_inventory": "mp-default",
        "marketprism_state_dir": str(EPHEMERAL / "state" / "mp-default"),
    }
    playbook = CLONE / "playbooks" / "support-bundle.yml"
    environ = {
        **os.environ,
        "ANSIBLE_CONFIG": str(EPHEMERAL / "ansible.cfg"),
        "ANSIBLE_ROLES_PATH": str(CLONE / "roles"),
    }
    made = subprocess.run(
        ["ansible-playbook", "-vvv", "--diff", "-i", EPHEMERAL / "inventory", playbook, "-e", json.dumps(variables)],
        capture_output=True, text=True, check=False, env=environ,
    )  # fmt: skip
    assert made.returncode == 0, made.stdout + made.stderr
    assert [name for name, secret in SECRETS.items() if secret in made.stdout + made.stderr] == []
    (archive,) = (EPHEMERAL / "state" / "mp-default" / "support").glob("*.tar.gz")
    with tarfile.open(archive) as bundle:
        files = {each.name.partition("/")[2]: bundle.extractfile(each).read() for each in bundle}
    assert {"doctor.json", "files/etc/nats/server.conf", "journal/nats-server.service.txt"} <= files.keys()
    leaks = [
        (name, file) for name, secret in SECRETS.items() for file, text in files.items() if secret.encode() in text
    ]
    assert leaks == []


def test_the_most_that_ansible_can_say_holds_no_secret() -> None:
    """Everything since the machine was made: check mode, the first deployment and the second, at -vvv with --diff."""
    said = (EPHEMERAL / "ansible.log").read_text(errors="replace")
    assert "marketprism-collector.service" in said
    assert "EXEC" in said
    assert "invocation" in said
    assert [name for name, secret in SECRETS.items() if secret in said] == []
