"""Every verb does what its name says to an installation that is collecting, in the order of a year's needs.

The exchange is no part of the installation (prepare.yml): it trades all the while, and what it says that it traded is
compared with what is stored after every verb.
"""

import json
import os
import re
import tarfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from installation import CONTENT, EPHEMERAL, NO_PROXY, STATE, changed_app, nothing_is_missing, now, query, release, verb
from testinfra.backend.base import CommandResult
from testinfra.host import Host

from marketprism.nkey import NKey

BACKUPS = "/srv/backup"
LAB_UNIT = "marketprism-lab-vm.service"
"""The machine's own, as it is no real one."""
WATCHING = ("prometheus", "prometheus-alertmanager", "prometheus-blackbox-exporter", "prometheus-node-exporter")
HOLD_DPKG = (
    "import fcntl, time; file = open('/var/lib/dpkg/lock-frontend', 'w'); fcntl.lockf(file, fcntl.LOCK_EX);"
    " time.sleep(900)"
)
PACKAGES = os.environ.get("LIFECYCLE_CLICKHOUSE") == "packages"
ONLY_PACKAGES = pytest.mark.skipif(
    not PACKAGES, reason="the embedded engine has no packages; LIFECYCLE_CLICKHOUSE=packages"
)
OLD = {"nats": "2.14.6", "clickhouse": "26.7.0.1" if PACKAGES else "26.7.0-stable.1"}
"""Of molecule.yml."""
NEW = {"nats": "2.15.1", "clickhouse": "26.7.3.1" if PACKAGES else "26.7.3-stable.1"}
NEW_SERVERS = (
    f"nats_version={NEW['nats']}",
    f"clickhouse_{'' if PACKAGES else 'engine_'}version={NEW['clickhouse']}",
)


def secret(name: str) -> str:
    return (STATE / "credentials" / name).read_text().strip()


def ask_as(role: str, password: str, sql: str) -> tuple[int, str]:
    """Ask ClickHouse from this computer; returns HTTP status and answer."""
    login = {"X-ClickHouse-User": f"marketprism_{role}", "X-ClickHouse-Key": password}
    request = urllib.request.Request("http://10.98.0.34:8123/", sql.encode(), login)
    try:
        with NO_PROXY.open(request, timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, ""


def servers(host: Host) -> dict[str, str]:
    """Return the servers that run, by the files of their processes; the record has to say the same."""
    found = {}
    for name in OLD:
        pid = host.check_output(f"systemctl show -P MainPID {name}-server")
        mapped = host.check_output(f"cat /proc/{pid}/maps")
        if name == "clickhouse" and PACKAGES:  # a process that was not restarted maps a deleted file
            assert set(re.findall(r"\S*libchdb\S*(?: \(deleted\))?$", mapped, re.MULTILINE)) == {
                "/usr/lib/clickhouse/libchdb.so"
            }
            found[name] = host.check_output("dpkg-query --show '--showformat=${Version}' clickhouse-common-static")
        else:
            (found[name],) = set(re.findall(rf"/opt/{name}/releases/([^/]+)/", mapped))
    assert json.loads(host.check_output("cat /etc/marketprism/installation.json"))["servers"] == found
    return found


@contextmanager
def drop_in(host: Host, unit: str, *lines: str) -> Iterator[None]:
    """Let a unit do something else for a while."""
    path = f"/run/systemd/system/{unit}.service.d/test.conf"
    text = "\\n".join(("[Service]", *lines))
    host.check_output(f"mkdir -p $(dirname {path}) && printf '{text}\\n' > {path} && systemctl daemon-reload")
    try:
        yield
    finally:
        host.check_output(f"rm {path} && systemctl daemon-reload")


def test_repair_brings_back_what_was_broken_and_keeps_the_rows(host: Host) -> None:
    since = now(host)
    before = query(host, "SELECT count() AS rows FROM trades")[0]
    host.check_output(
        "systemctl disable --now marketprism-storage@hot nats-server; rm /usr/local/bin/marketprism;"
        " echo 'log_level: DEBUG' >> /etc/marketprism/marketprism.yml;"
        " rm /etc/systemd/system/marketprism-collector.service;"
        " systemctl disable --now marketprism-backup.timer; rm /etc/systemd/system/marketprism-backup.timer"
    )
    verb("repair")
    assert host.service("marketprism-storage@hot").is_enabled
    assert "DEBUG" not in host.file("/etc/marketprism/marketprism.yml").content_string
    assert host.file("/etc/systemd/system/marketprism-collector.service").exists
    assert host.service("marketprism-backup.timer").is_enabled
    assert host.service("marketprism-backup.timer").is_running
    assert host.check_output("marketprism health")
    assert int(query(host, "SELECT count() AS rows FROM trades")[0]["rows"]) > int(before["rows"])
    nothing_is_missing(host, since)


def test_a_restart_takes_the_ports_of_the_env_over(host: Host, tmp_path: Path) -> None:
    """Whoever asks the collector knows where; the next restart, without the file, takes them back."""
    (tmp_path / ".env").write_text("HEALTH_CHECK_PORT=18087\nMETRICS_PORT=19093\n")
    since, running = now(host), release(host)
    verb("restart", f"marketprism_env_file={tmp_path}/.env")
    assert {host.socket(f"tcp://10.98.0.34:{port}").is_listening for port in (18087, 19093)} == {True}
    endpoints = json.loads(host.check_output("cat /etc/marketprism/installation.json"))["endpoints"]
    assert endpoints["collector"] == "http://10.98.0.34:18087"
    assert endpoints["collector_metrics"] == "http://10.98.0.34:19093"
    assert release(host) == running
    nothing_is_missing(host, since)


def test_a_changed_directory_leaves_no_data_behind(host: Host) -> None:
    for variable, place in (("nats_store_dir", "/var/lib/nats"), ("clickhouse_data_dir", "/var/lib/clickhouse")):
        said = " ".join(verb("repair", f"{variable}=/srv/elsewhere", code=1).split())
        assert f"{variable} is /srv/elsewhere, and the data of mp-lifecycle are in {place}, where they stay" in said
    assert not host.file("/srv/elsewhere").exists
    assert host.run("marketprism health").rc == 0


def test_a_restart_says_what_the_exchange_no_longer_has_and_fetches_the_rest(host: Host) -> None:
    """The trades of a hole that no exchange fills are those that were not traded yet."""
    future = (
        int(query(host, "SELECT max(trade_id) AS newest FROM trades WHERE symbol = 'BTC-USDT'")[0]["newest"]) + 10**9
    )
    hole = (
        "INSERT INTO marketprism_hot.gap_events (source, exchange, market, symbol, data_type, after_id, before_id,"
        " size, timestamp) VALUES"
        f" ('simulated', 'binance', 'spot', 'BTC-USDT', 'trade', {future}, {future + 9}, 8, now64(6))"
    )
    assert ask_as("admin", secret("clickhouse-admin"), hole) == (200, "")
    since = now(host)
    said = verb("restart")
    assert f"the venue has no trades {future + 1} to {future + 8} any more" in said.replace("\n", " ")
    assert host.check_output("systemctl show -P ActiveState marketprism-backfill") == "inactive"
    assert host.file("/var/lib/prometheus/node-exporter/marketprism_backfill.prom").exists
    mend = f"ALTER TABLE marketprism_hot.gap_events DELETE WHERE after_id = {future} SETTINGS mutations_sync = 1"
    assert ask_as("admin", secret("clickhouse-admin"), mend) == (200, "")
    nothing_is_missing(host, since)


def test_a_restored_table_equals_the_one_that_was_backed_up(host: Host) -> None:
    since = now(host)
    host.check_output("systemctl stop marketprism-collector")
    host.check_output("sleep 2; systemctl stop marketprism-storage@hot")
    (before,) = query(host, CONTENT)
    assert "rows and" in verb("backup")
    refused = verb("restore", code=1)
    assert f"marketprism_hot.trades ({before['rows']} rows)" in refused
    assert query(host, CONTENT) == [before]
    cut = host.check_output("date -u '+%Y-%m-%d %H:%M:%S'")
    host.check_output("sleep 1")
    verb("restore", "marketprism_confirm_restore=yes")
    assert query(host, f"{CONTENT} WHERE inserted_at < toDateTime64('{cut}', 3, 'UTC')") == [before]
    nothing_is_missing(host, since)
    status, aside = ask_as(
        "admin", secret("clickhouse-admin"), "SELECT name FROM system.databases WHERE name LIKE '%aside%'"
    )
    assert (status, len(aside.split())) == (200, 1)


def test_an_upgrade_of_everything_backs_up_first_and_a_rollback_goes_back(host: Host, tmp_path: Path) -> None:
    old, since = release(host), now(host)
    assert servers(host) == OLD
    backups = host.run(f"ls {BACKUPS}/*.json").stdout.split()
    host.check_output("rm /usr/local/sbin/marketprism-ops")
    verb("upgrade", changed_app(tmp_path, "0.1.1"), *NEW_SERVERS)
    assert release(host).startswith("0.1.1-")
    assert host.file("/usr/local/sbin/marketprism-ops").exists
    assert servers(host) == NEW
    nothing_is_missing(host, since)
    made = host.check_output(f"ls {BACKUPS}/*.json").split()
    assert len(made) == len(backups) + 1
    assert json.loads(host.check_output(f"cat {made[-1]}"))["base"] == (Path(backups[0]).stem if backups else None)
    since = now(host)
    verb("rollback")
    assert release(host) == old
    assert servers(host) == OLD
    nothing_is_missing(host, since)
    assert "has no previous release to go back to; nothing was changed" in verb("rollback", code=1)


@ONLY_PACKAGES
def test_an_upgrade_of_the_machine_leaves_the_server_as_it_is(host: Host) -> None:
    names = {"clickhouse-client", "clickhouse-common-static", "clickhouse-server"}
    assert f"Candidate: {NEW['clickhouse']}" in host.check_output(
        "apt-get update && apt-cache policy clickhouse-server"
    )
    assert set(host.check_output("apt-mark showhold").split()) == names
    upgrade = "apt-get --simulate upgrade | grep '^Inst clickhouse' || true"
    assert host.check_output(upgrade) == ""
    host.check_output(f"apt-mark unhold {' '.join(names)}")
    assert host.check_output(upgrade).count("Inst ") == len(names), "what holds them is the hold"
    verb("repair")
    assert set(host.check_output("apt-mark showhold").split()) == names
    assert servers(host) == OLD


@ONLY_PACKAGES
def test_a_damaged_package_is_installed_again_and_no_upgrade(host: Host) -> None:
    since = now(host)
    host.check_output(
        "echo broken > /usr/lib/clickhouse/damaged && mv /usr/lib/clickhouse/damaged /usr/lib/clickhouse/libchdb.so"
        " && systemctl kill --signal=KILL clickhouse-server"
    )
    verb("remediate/clickhouse-down", "remediation_apply=true")
    assert servers(host) == OLD
    nothing_is_missing(host, since)


def test_an_upgrade_that_does_not_become_healthy_goes_back_by_itself(host: Host, tmp_path: Path) -> None:
    old, since = release(host), now(host)
    broken = changed_app(tmp_path, "0.1.2", fault="raise SystemExit('broken on purpose')")
    said = verb("upgrade", broken, "backup_dir=", *NEW_SERVERS, code=1)
    assert f"{old} again, its data untouched" in said.replace("\n", " ")
    assert release(host) == old
    assert servers(host) == OLD
    nothing_is_missing(host, since)
    assert host.run("marketprism health").rc == 0


def test_an_upgrade_that_fails_before_the_new_release_is_there_leaves_the_record_true(
    host: Host, tmp_path: Path
) -> None:
    """NATS is new by then: it goes back, and what `status` reads says so."""
    old, since = release(host), now(host)
    record = host.check_output("cat /etc/marketprism/installation.json")
    fault = "clickhouse_log_level=nonsense"
    said = verb("upgrade", changed_app(tmp_path, "0.1.4"), "backup_dir=", *NEW_SERVERS, fault, code=1)
    assert "every host runs" in said.replace("\n", " ")
    assert (release(host), servers(host)) == (old, OLD)
    assert host.check_output("cat /etc/marketprism/installation.json") == record
    nothing_is_missing(host, since)


def test_an_upgrade_that_an_exchange_stops_goes_back_and_says_why(host: Host, tmp_path: Path) -> None:
    """The exchange says nothing any more when the new collector starts; the next upgrade does not begin."""
    old = release(host)
    record = host.check_output("cat /etc/marketprism/installation.json")
    frozen = "systemctl kill exchange --signal"
    try:
        with drop_in(host, "marketprism-collector", f"ExecStartPre=+/bin/{frozen}=STOP"):
            said = " ".join(verb("upgrade", changed_app(tmp_path, "0.1.5"), "backup_dir=", code=1).split())
        assert f'failed at "Say which hop fails"; every host runs {old} again' in said
        assert release(host) == old
        assert host.check_output("cat /etc/marketprism/installation.json") == record
        said = " ".join(verb("upgrade", changed_app(tmp_path, "0.1.6"), "backup_dir=", code=1).split())
        assert "The upgrade did not begin, and nothing was changed" in said
        assert release(host) == old
    finally:
        host.check_output(f"{frozen}=CONT")
    verb("health")
    host.check_output("systemctl restart marketprism-backfill")


def test_rotated_secrets_are_new_and_the_old_ones_are_refused(host: Host, tmp_path: Path) -> None:
    """The administrator still has a password, as NATS's users had once: an upgrade names this verb as the remedy.

    A run before was interrupted, and this one ends with a failure that has nothing to do with secrets.
    """
    names = sorted(path.name for path in (STATE / "credentials").iterdir())
    old, since = {name: secret(name) for name in names}, now(host)
    password = "aPasswordOfThirtyTwoLetters00000"
    (STATE / "credentials" / "nats-admin").write_text(f"{password}\n")
    key = NKey(old["nats-admin"]).public
    host.check_output(
        f"sed -i 's/nkey: {key}/user: admin, password: {password}/' /etc/nats/users.conf"
        f" && systemctl reload nats-server && echo {password} > /etc/marketprism/credentials/nats-admin"
    )
    said = verb("upgrade", changed_app(tmp_path, "0.1.3"), code=1).replace("\n", " ")
    assert re.search(r"nats-admin is a password of an earlier release; nothing was +changed.*rotate-secrets", said)
    authority = host.file("/etc/marketprism/nats-ca.crt").content_string
    aside = STATE / "credentials.old"
    (aside / "20261124T020000Z").mkdir(parents=True)
    (aside / "20261124T020000Z" / "clickhouse-admin").write_text("nobodyKnowsThisOne\n")
    with drop_in(host, "marketprism-backfill", "ExecStart=", "ExecStart=/bin/false"):
        said = verb("rotate-secrets", code=1)
    host.check_output("systemctl restart marketprism-backfill")
    assert "Everything runs, but what was missed could not be fetched" in " ".join(said.split())
    assert not aside.exists()
    assert host.file("/etc/marketprism/nats-ca.crt").content_string not in {authority, ""}
    assert password not in host.file("/etc/nats/users.conf").content_string
    new = {name: secret(name) for name in names}
    assert not {*old.values(), password} & set(new.values())
    for role in ("admin", "writer", "reader"):
        answers = [ask_as(role, passwords[f"clickhouse-{role}"], "SELECT 1") for passwords in (old, new)]
        assert answers == [(403, ""), (200, "1\n")]
    for user in ("admin", "collector", "storage"):
        refused, taken = (nats_login(host, user, keys[f"nats-{user}"]) for keys in (old, new))
        assert (refused.rc, taken.rc, "4 streams" in taken.stdout) == (1, 0, True)
    nothing_is_missing(host, since)
    (EPHEMERAL / "old-secrets.json").write_text(json.dumps(old))


def nats_login(host: Host, user: str, seed: str) -> CommandResult:
    return host.run(
        "install -d -m 700 /run/keys && echo %s > /run/keys/nats-%s"
        " && CREDENTIALS_DIRECTORY=/run/keys marketprism test nats --user %s; code=$?; rm -r /run/keys; exit $code",
        seed, user, user,
    )  # fmt: skip


def test_the_support_bundle_holds_what_helps_and_no_secret(host: Host) -> None:
    leak = f"# {secret('nats-admin')} http://somebody:hunter2@proxy.example.org"
    host.check_output("cp -a /etc/nats/server.conf /run/server.conf && echo %s >> /etc/nats/server.conf", leak)
    verb("support-bundle")
    host.check_output("mv /run/server.conf /etc/nats/server.conf")
    archive = max((STATE / "support").glob("*.tar.gz"))
    secrets = [secret(path.name) for path in (STATE / "credentials").iterdir()]
    secrets += list(json.loads((EPHEMERAL / "old-secrets.json").read_text()).values())
    assert len(secrets) == 14
    files = {}
    with tarfile.open(archive) as bundle:
        for member in bundle:
            content = bundle.extractfile(member)
            assert content is not None
            files[member.name.partition("/")[2]] = content.read()
    for value in (*secrets, "hunter2"):
        assert not [name for name, content in files.items() if value.encode() in content]
    shown = files["files/etc/nats/server.conf"].decode()
    assert "# [removed: nats-admin] http://somebody:[removed: password]@proxy.example.org" in shown
    assert json.loads(files["status.json"])["healthy"] is True
    assert b"Started" in files["journal/nats-server.service.txt"]
    assert b"source: simulated" in files["files/etc/marketprism/marketprism.yml"]
    assert b"Filesystem" in files["disk.txt"]
    report = files["report.md"].decode()
    assert "    Debian GNU/Linux" in report
    assert "    healthy" in report


def test_a_lost_disk_comes_back_from_the_backup(host: Host) -> None:
    since = now(host)
    host.check_output("systemctl stop marketprism-collector && sleep 2 && systemctl stop marketprism-storage@hot")
    (before,) = query(host, CONTENT)
    verb("backup")
    cut = host.check_output("date -u '+%Y-%m-%d %H:%M:%S'")
    host.check_output("systemctl stop clickhouse-server nats-server && rm -rf /var/lib/clickhouse /var/lib/nats")
    verb("repair")
    (empty,) = query(host, f"SELECT count() AS rows FROM trades WHERE inserted_at < toDateTime64('{cut}', 3, 'UTC')")
    assert int(empty["rows"]) == 0
    # Its disk may come from a host where the server had another uid.
    host.check_output(f"find {BACKUPS}/clickhouse -mindepth 1 -exec chown --no-dereference 4242:4242 {{}} +")
    refused = " ".join(verb("restore", code=1).split())
    assert re.search(r"backup \w+Z \([0-9-]+ [0-9:]+ UTC, [0-9,]+ rows\) is to be restored, and there is data", refused)
    said = " ".join(verb("restore", "marketprism_confirm_restore=yes").split())
    assert re.search(r"backup \w+Z of .* UTC with [0-9]+ rows is restored", said)
    assert query(host, f"{CONTENT} WHERE inserted_at < toDateTime64('{cut}', 3, 'UTC')") == [before]
    nothing_is_missing(host, since)


def test_uninstalling_takes_everything_away_and_deletes_no_data(host: Host) -> None:
    """What was there before stays: somebody's own node exporter."""
    sql = "SELECT sum(rows) FROM system.parts WHERE active AND database LIKE 'marketprism%'"
    status, stored = ask_as("admin", secret("clickhouse-admin"), sql)
    assert status == 200
    host.check_output("apt-get update && apt-get install --yes --no-install-recommends prometheus-node-exporter")
    verb("monitoring", '{"monitoring_enabled": true}')
    verb("firewall", '{"firewall_enabled": true}')
    assert host.service("prometheus").is_running
    assert "Run it again with -e marketprism_confirm_uninstall=yes" in verb("uninstall", code=1)
    host.check_output("mount --bind /var/lib/nats /var/lib/nats")
    said = " ".join(verb("uninstall", "marketprism_confirm_uninstall=yes", code=1).split())
    assert "/var/lib/nats on mp-lifecycle cannot be moved aside, a disk of its own is mounted there" in said
    host.check_output("umount --lazy /var/lib/nats")
    assert host.service("marketprism-collector").is_running
    # Something else uses dpkg, so that no package can be removed; the next run makes up for it.
    host.check_output("systemd-run --unit=somebody --collect python3 -c %s", HOLD_DPKG)
    verb("uninstall", "marketprism_confirm_uninstall=yes", code=1)
    host.check_output("systemctl stop somebody")
    assert set(WATCHING) == {name for name in WATCHING if host.package(name).is_installed}
    verb("uninstall", "marketprism_confirm_uninstall=yes")

    places = "/etc/systemd/system /usr/local/bin /usr/local/sbin /opt /etc"
    units = "systemctl list-units --all --plain --no-legend 'marketprism*' 'nats*' 'clickhouse*'"
    left = host.check_output(f"{{ ls {places}; {units}; }} | grep -E 'marketprism|nats|clickhouse'")
    assert {line.split()[0] for line in left.splitlines()} == {LAB_UNIT}
    assert host.check_output("dpkg-query --show 'clickhouse*' 2>&1 | grep -v 'no packages found' || true") == ""
    assert host.check_output("ls /etc/apt/sources.list.d").count("clickhouse") == 0
    assert "marketprism" not in host.check_output("nft list tables")
    assert {name for name in WATCHING if host.package(name).is_installed} == {"prometheus-node-exporter"}
    assert host.service("prometheus-node-exporter").is_running
    assert host.file("/etc/default/prometheus-node-exporter").exists
    assert not host.file("/usr/local/share/marketprism").exists
    aside = "/var/lib/marketprism-aside/*"
    # Every part says how many rows it has; parts that a merge has replaced are there for a while.
    counts = host.check_output(f"grep -rh --include=count.txt '' {aside}/var/lib/clickhouse/store").split()
    assert sum(map(int, counts)) >= int(stored) > 0
    assert host.run(f"ls {aside}/etc/marketprism/credentials/nats-admin").rc == 0
    said = verb("uninstall", "marketprism_confirm_uninstall=yes")
    assert "changed=0" in said
