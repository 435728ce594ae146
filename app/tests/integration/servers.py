"""The real NATS server and the real ClickHouse engine as plain processes on free loopback ports."""

import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from xml.sax.saxutils import escape

from marketprism.contract.catalog import CLICKHOUSE_USERS, COLD_DATABASE, HOT_DATABASE, NATS_USERS
from marketprism.nats_login import NatsLogin
from marketprism.nkey import NKey
from marketprism.ops.apply import apply_schema
from marketprism.settings import ClickHouseSettings, Settings

START_SECONDS = 30.0
PASSWORDS = {f"nats-{user}": NKey.generate().seed for user in NATS_USERS} | {
    f"clickhouse-{role}": f"clickhouse{role}secret" for role in CLICKHOUSE_USERS
}
"""One secret per credential name of a deployment: the seed of a NATS user, the password of a ClickHouse user."""

# The engine is a library whose entry point takes the arguments of clickhouse-local.
_LAUNCHER = """
import ctypes, sys
arguments = [b"clickhouse", *(argument.encode() for argument in sys.argv[2:])]
array = (ctypes.c_char_p * (len(arguments) + 1))(*arguments, None)
sys.exit(ctypes.CDLL(sys.argv[1]).chdb_query_cmdline(len(arguments), array))
"""
_LISTEN = (
    "SYSTEM START LISTEN TCP; SYSTEM START LISTEN HTTP; SELECT sleepEachRow(3) FROM numbers(100000000)"
    " SETTINGS function_sleep_max_microseconds_per_block=0, max_block_size=1 FORMAT Null"
)


def artifact(name: str) -> Path | None:
    """Return where the cache keeps a server's binary; None when `playbooks/artifacts.yml` has not run here."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "marketprism"
    paths = cache / "artifacts" / "paths.json"
    if not paths.exists():
        return None
    path = Path(json.loads(paths.read_text())[name][os.uname().machine]["path"])
    return path if path.exists() else None


def free_port() -> int:
    """Choose a port below those that the kernel gives to clients: it stays free while a server is down."""
    while True:
        port = random.randrange(12_000, 32_000)
        with socket.socket() as listener, contextlib.suppress(OSError):
            listener.bind(("127.0.0.1", port))
            return port


def eventually(predicate, seconds: float = START_SECONDS, what: str = "") -> None:
    """Wait until the predicate holds; AssertionError when it does not in time."""
    deadline = time.monotonic() + seconds
    while not predicate():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what or predicate}"
        time.sleep(0.05)


def fetch(url: str, timeout: float = 5.0) -> tuple[int, str]:
    """Return status and body; status 0 when nobody answers."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=timeout) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return 0, ""


class Server:
    """A process that can be killed, stopped, frozen and started again on the same data and ports."""

    command: list[str]
    environ: dict[str, str] | None = None
    patience_seconds = START_SECONDS

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.process: subprocess.Popen[bytes] | None = None

    def is_up(self) -> bool:
        raise NotImplementedError  # each kind of server is asked in its own way

    def spawn(self) -> None:
        """Start it, and do not wait until it answers."""
        with (self.directory / "log").open("ab") as log:
            self.process = subprocess.Popen(
                self.command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=self.directory, env=self.environ
            )

    def start(self) -> None:
        self.spawn()
        try:
            eventually(self._up_or_dead, self.patience_seconds, what=f"{self.command[0]} answers")
        except BaseException:
            self.kill()
            raise

    def _up_or_dead(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            raise AssertionError((self.directory / "log").read_text()[-2000:])
        return self.is_up()

    def kill(self) -> None:
        """End it as a power cut of the process would: kill -9."""
        self.send(signal.SIGKILL)
        self.wait()

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.send(signal.SIGTERM)
            self.wait()

    def revive(self) -> None:
        """Start it again where it has ended, as systemd does on a host."""
        if self.process is not None and self.process.poll() is not None:
            self.start()

    def send(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def wait(self) -> None:
        assert self.process is not None
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class NatsServer(Server):
    """nats-server with the contract's users and `sync_interval: always`, with TLS where it has a certificate."""

    def __init__(self, directory: Path, binary: Path, certificate: Path | None = None) -> None:
        super().__init__(directory)
        self.port, self.monitor_port = free_port(), free_port()
        self.url = f"{'tls' if certificate else 'nats'}://127.0.0.1:{self.port}"
        self._certificate = certificate
        self.monitor_url = f"http://127.0.0.1:{self.monitor_port}"
        configuration = directory / "nats-server.json"
        configuration.write_text(json.dumps(self._configuration()))
        self.command = [str(binary), "--config", str(configuration)]

    def _configuration(self) -> dict[str, object]:
        users = [
            {
                "nkey": NKey(PASSWORDS[f"nats-{user}"]).public,
                "permissions": {"publish": list(may.publish), "subscribe": list(may.subscribe)},
            }
            for user, may in NATS_USERS.items()
        ]
        pair = {"cert_file": str(self._certificate), "key_file": str(self._certificate)}
        secured = {"tls": {**pair, "handshake_first": True}} if self._certificate else {}
        return secured | {
            "listen": f"127.0.0.1:{self.port}",
            "http": f"127.0.0.1:{self.monitor_port}",
            "jetstream": {"store_dir": str(self.directory / "store"), "sync_interval": "always"},
            "authorization": {"users": users},
        }

    def is_up(self) -> bool:
        return fetch(f"{self.monitor_url}/healthz")[0] == 200

    def login(self, user: str) -> NatsLogin:
        """How one of the contract's users logs in."""
        return NatsLogin(self.url, user, NKey(PASSWORDS[f"nats-{user}"]))

    def health(self) -> str:
        """Return what the server says of itself."""
        return fetch(f"{self.monitor_url}/healthz")[1]

    def jsz(self) -> dict[str, object]:
        return json.loads(fetch(f"{self.monitor_url}/jsz?streams=true&consumers=true&config=true")[1])


class ClickHouseServer(Server):
    """The embedded engine with the role's users.

    It may end with a client that is killed in the middle of a query: a native connection that is reset aborts it.
    """

    def __init__(self, directory: Path, library: Path) -> None:
        super().__init__(directory)
        self.native_port, self.http_port = free_port(), free_port()
        self.backups = directory / "backups"
        (directory / "users.xml").write_text(self._users())
        (directory / "config.xml").write_text(
            f"<clickhouse><users_config>{directory / 'users.xml'}</users_config>"
            "<max_server_memory_usage>2000000000</max_server_memory_usage>"
            "<mark_cache_size>67108864</mark_cache_size>"
            f"<backups><allowed_path>{self.backups}</allowed_path></backups></clickhouse>"
        )
        self.command = [
            sys.executable, "-c", _LAUNCHER, str(library),
            f"--config-file={directory / 'config.xml'}", f"--path={directory / 'data'}", "--listen_host=127.0.0.1",
            f"--tcp_port={self.native_port}", f"--http_port={self.http_port}", f"--query={_LISTEN}",
        ]  # fmt: skip

    def _users(self) -> str:
        databases = (HOT_DATABASE, COLD_DATABASE)
        users = {"default": ("", "default", ("GRANT ALL ON *.*",))}
        users[CLICKHOUSE_USERS["admin"]] = (PASSWORDS["clickhouse-admin"], "default", ("GRANT ALL ON *.*",))
        users[CLICKHOUSE_USERS["writer"]] = (
            PASSWORDS["clickhouse-writer"], "default", tuple(f"GRANT SELECT, INSERT ON {d}.*" for d in databases),
        )  # fmt: skip
        users[CLICKHOUSE_USERS["mover"]] = (
            PASSWORDS["clickhouse-mover"], "default",
            (
                f"GRANT SELECT, ALTER DELETE ON {HOT_DATABASE}.*",
                f"GRANT SELECT, INSERT, ALTER DELETE ON {COLD_DATABASE}.*",
            ),
        )  # fmt: skip
        users[CLICKHOUSE_USERS["reader"]] = (
            PASSWORDS["clickhouse-reader"], "reader",
            tuple(f"GRANT SELECT ON {what}" for what in (
                *(f"{d}.*" for d in databases), "system.metrics", "system.asynchronous_metrics",
            )),
        )  # fmt: skip
        body = "".join(
            f"<{name}><password>{password}</password><networks><ip>127.0.0.1</ip></networks>"
            f"<profile>{profile}</profile><quota>default</quota>"
            f"<grants>{''.join(f'<query>{escape(g)}</query>' for g in grants)}</grants></{name}>"
            for name, (password, profile, grants) in users.items()
        )
        return (
            "<clickhouse><profiles><default/><reader><readonly>2</readonly></reader></profiles>"
            f"<quotas><default/></quotas><users>{body}</users></clickhouse>"
        )

    def is_up(self) -> bool:
        return fetch(f"http://127.0.0.1:{self.http_port}/ping")[1] == "Ok.\n"

    def query(self, sql: str, **parameters: str) -> str:
        """Run a statement as the administrator over HTTP; the answer as tab-separated text."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.http_port}/?{urllib.parse.urlencode(parameters)}",
            data=sql.encode(),
            headers={
                "X-ClickHouse-User": CLICKHOUSE_USERS["admin"],
                "X-ClickHouse-Key": PASSWORDS["clickhouse-admin"],
            },
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=30) as answer:
                return answer.read().decode()
        except urllib.error.HTTPError as error:
            raise AssertionError(error.read().decode()) from error

    def number(self, sql: str) -> int:
        return int(self.query(sql))

    def make_tables(self) -> None:
        """Make the contract's databases, tables and views where they are missing, as a deployment does."""
        (self.directory / "clickhouse-admin").write_text(PASSWORDS["clickhouse-admin"])
        here = ClickHouseSettings(native_port=self.native_port, http_port=self.http_port)
        result = apply_schema(Settings(credentials_directory=self.directory, clickhouse=here), check=False)
        assert not result.refused, result.refused
