"""ClickHouse after drift, a repair and a kill: what each user may do, what survived, what the unit exposes."""

from __future__ import annotations

import re
import time
import urllib.error
import urllib.request
from typing import Any

import pytest
from clickhouse_driver import Client
from clickhouse_driver.errors import Error, ServerException
from units import exposes_at_most

ADDRESS = "10.98.0.24"
PASSWORDS = {
    "marketprism_admin": "adminadminadminadmin",
    "marketprism_writer": "writerwriterwriterwriter",
    "marketprism_mover": "movermovermovermover",
    "marketprism_reader": "readerreaderreaderreader",
}
UNIT = "clickhouse-server.service"
EXPOSURE = 2.0
ACCESS_DENIED = 497
READONLY = 164


def query(user: str, sql: str, *rows: Any, **settings: Any) -> Any:
    """Run a statement over the native port as a user."""
    client = Client(ADDRESS, user=user, password=PASSWORDS[user], connect_timeout=5, settings=settings)
    try:
        return client.execute(sql, *rows)
    finally:
        client.disconnect()


def http(sql: str, address: str = ADDRESS, **headers: str) -> tuple[int, str]:
    """Run a statement over HTTP; returns status and body."""
    request = urllib.request.Request(f"http://{address}:8123/", data=sql.encode(), headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def wait_until_it_answers() -> float:
    """Return how long the server took to answer again."""
    started = time.monotonic()
    while time.monotonic() < started + 60:
        try:
            with urllib.request.urlopen(f"http://{ADDRESS}:8123/ping", timeout=1):
                return time.monotonic() - started
        except OSError:
            time.sleep(0.1)
    raise AssertionError("ClickHouse did not come back within 60 s")


def test_the_rows_survived_the_kill(host) -> None:
    assert query("marketprism_reader", "SELECT count(), min(price) FROM marketprism_hot.kept")[0][0] == 1000
    state = host.check_output(f"systemctl show --property=ActiveState,NRestarts {UNIT}")
    assert "ActiveState=active" in state
    assert int(re.search(r"NRestarts=(\d+)", state)[1]) >= 1


def test_the_writer_inserts_and_reads() -> None:
    query("marketprism_admin", "CREATE OR REPLACE TABLE marketprism_hot.t (id UInt64) ENGINE = MergeTree ORDER BY id")
    assert query("marketprism_writer", "INSERT INTO marketprism_hot.t VALUES", [(1,), (2,)]) == 2
    assert query("marketprism_writer", "SELECT sum(id) FROM marketprism_hot.t") == [(3,)]


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TABLE marketprism_hot.mine (id UInt64) ENGINE = MergeTree ORDER BY id",
        "DROP TABLE marketprism_hot.kept",
        "TRUNCATE TABLE marketprism_hot.kept",
        "ALTER TABLE marketprism_hot.kept DELETE WHERE 1",
        "SELECT * FROM system.users",
        "SELECT * FROM file('/etc/passwd', 'LineAsString')",
    ],
)
def test_the_writer_does_nothing_else(sql: str) -> None:
    with pytest.raises(ServerException) as refusal:
        query("marketprism_writer", sql)
    assert refusal.value.code == ACCESS_DENIED


def test_the_reader_reads_and_may_set_what_its_query_needs() -> None:
    rows = query(
        "marketprism_reader", "SELECT count() FROM marketprism_hot.kept SETTINGS max_threads = 1", strings_as_bytes=True
    )
    assert rows == [(1000,)]


def test_the_reader_sees_the_server_s_own_figures() -> None:
    assert query("marketprism_reader", "SELECT value > 0 FROM system.metrics WHERE metric = 'MemoryTracking'") == [(1,)]
    # The embedded engine has no such table.
    granted = [grant for (grant,) in query("marketprism_reader", "SHOW GRANTS")]
    assert "GRANT SELECT ON system.asynchronous_metrics TO marketprism_reader" in granted


@pytest.mark.parametrize("table", ["users", "processes", "grants"])
def test_the_reader_sees_nothing_else_of_the_server(table: str) -> None:
    with pytest.raises(ServerException) as refusal:
        query("marketprism_reader", f"SELECT * FROM system.{table}")
    assert refusal.value.code == ACCESS_DENIED


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO marketprism_hot.kept SELECT 1, 1",
        "DROP TABLE marketprism_hot.kept",
        "CREATE TABLE marketprism_hot.mine (id UInt64) ENGINE = MergeTree ORDER BY id",
        "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')",
    ],
)
def test_the_reader_writes_nothing(sql: str) -> None:
    with pytest.raises(ServerException) as refusal:
        query("marketprism_reader", sql)
    assert refusal.value.code in (ACCESS_DENIED, READONLY)


def test_the_default_user_reads_nothing(host) -> None:
    for sql in (
        "SELECT count() FROM marketprism_hot.kept",
        "SELECT * FROM system.users",
        "SHOW TABLES FROM marketprism_hot",
    ):
        command = "import sys, urllib.request as u\n"
        command += "try: print(u.urlopen('http://127.0.0.1:8123/', data=sys.argv[1].encode()).read())"
        command += "\nexcept u.HTTPError as e: print(e.read().decode())"
        answer = host.check_output("python3 -c %s %s", command, sql)
        assert "ACCESS_DENIED" in answer or answer == "b''", answer


def test_the_default_user_is_refused_from_elsewhere() -> None:
    assert http("SELECT 1")[0] in (401, 403, 516)


def test_a_wrong_password_over_http_is_refused() -> None:
    status, body = http("SELECT 1", **{"X-ClickHouse-User": "marketprism_reader", "X-ClickHouse-Key": "wrong"})
    assert status in (401, 403)
    assert "Authentication failed" in body


def test_the_server_is_back_soon_after_a_wrong_password_on_the_native_port() -> None:
    """The engine's known weakness: it aborts. The launcher and systemd make that a matter of seconds."""
    with pytest.raises((Error, EOFError, OSError)):
        Client(ADDRESS, user="marketprism_reader", password="wrong", connect_timeout=5).execute("SELECT 1")
    time.sleep(1)
    assert wait_until_it_answers() < 20
    assert query("marketprism_reader", "SELECT count() FROM marketprism_hot.kept") == [(1000,)]


def test_the_limits_are_those_of_the_inventory() -> None:
    rows = query("marketprism_admin", "SELECT name, value FROM system.server_settings WHERE changed")
    settings = dict(rows)
    assert settings["max_server_memory_usage"] == "1500000000"
    assert settings["mark_cache_size"] == "134217728"
    assert settings["background_pool_size"] == "2"


def test_the_readers_hour_is_counted_and_limited() -> None:
    before, limit = reader_quota()
    query("marketprism_reader", "SELECT count() FROM marketprism_hot.kept")
    assert (reader_quota()[0] > before, limit) == (True, 3600)


def reader_quota() -> tuple[int, float]:
    """Return the queries of this hour and the limit of their seconds."""
    sql = "SELECT queries, max_execution_time FROM system.quotas_usage WHERE quota_name = 'marketprism_reader'"
    ((queries, seconds),) = query("marketprism_admin", sql)
    return queries, seconds


def test_no_secret_is_readable_by_others(host) -> None:
    file = host.file("/etc/clickhouse-server/users.d/50-marketprism.xml")
    assert (file.user, file.group, file.mode) == ("root", "clickhouse", 0o640)
    seen = host.check_output(
        f"systemctl show {UNIT}; systemctl cat {UNIT}; journalctl --no-pager; ps -eo args; cat {file.path}"
    )
    assert not [password for password in PASSWORDS.values() if password in seen]


def test_systemctl_status_says_what_it_serves(host) -> None:
    assert "serving native 9000, HTTP 8123" in host.check_output(f"systemctl show --value --property=StatusText {UNIT}")


def test_the_unit_exposes_little(host) -> None:
    exposes_at_most(host, UNIT, EXPOSURE)
