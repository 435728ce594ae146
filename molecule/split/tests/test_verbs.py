"""Every verb on two machines, in check mode, where it changes nothing, and then really, where nothing is lost.

The exchange is no part of the installation, as in ``lifecycle``: what it traded is compared with what is stored.
"""

import hashlib
import json
import re
import socket
from pathlib import Path

import pytest
import testinfra
from installation import CONTENT, EPHEMERAL, STATE, changed_app, nothing_is_missing, now, query, release, verb
from testinfra.host import Host

SERVERS = ("nats_version=2.15.1", "clickhouse_engine_version=26.7.3-stable.1")
CONFIRMED = {"restore": "marketprism_confirm_restore=yes", "uninstall": "marketprism_confirm_uninstall=yes"}
VERBS = (
    "preflight",
    "artifacts",
    "../site",
    "start",
    "stop",
    "restart",
    "health",
    "repair",
    "backup",
    "drill",
    "restore",
    "rotate-secrets",
    "support-bundle",
    "uninstall",
)
PLACES = (
    "find /etc /opt /usr/local /srv /var/lib/marketprism-aside -xdev"
    " \\( -path /etc/ssh -o -path /opt/exchange -o -name __pycache__ \\) -prune -o"
)
FILES = f"{PLACES} -printf '%p %y %m %u %g %l\\n'; true"
CONTENTS = f"{PLACES} -type f -size -2M -exec sha256sum {{}} +; true"
"""Every file of the installation, and what is in those that are not large; not every place is there."""
UNITS = (
    "systemctl list-units --all --plain --no-legend --type=service,timer,target,slice"
    " 'marketprism*' 'nats*' 'clickhouse*' | cut -d' ' -f1 | grep -v lab-vm"
    " | xargs systemctl show --property=Id,ActiveState,UnitFileState,MainPID"
)


@pytest.fixture(scope="module")
def store() -> Host:
    return machine("mp-store")


@pytest.fixture(scope="module")
def collect() -> Host:
    return machine("mp-collect")


def machine(name: str) -> Host:
    return testinfra.get_host(f"ansible://{name}", ansible_inventory=str(EPHEMERAL / "inventory"))


def state(*hosts: Host) -> dict[str, str]:
    """Return what a verb in check mode may not change: files, units and their processes, and what the clone keeps."""
    found = {}
    for host in hosts:
        name = host.backend.get_hostname()
        found |= {f"{name} {line.split()[0]}": line for line in host.check_output(FILES).splitlines()}
        sums = [line.split("  ", 1) for line in host.check_output(CONTENTS).splitlines()]
        found |= {f"{name} content of {path}": content for content, path in sums}
        for unit in host.check_output(UNITS).split("\n\n"):
            found[f"{name} {re.search(r'Id=(.*)', unit).group(1)}"] = unit
        found[f"{name} rules"] = host.check_output("nft --stateless list ruleset")
    for path in [path for path in STATE.rglob("*") if path.is_file() and path.parent.name != "support"]:
        found[f"clone {path.relative_to(STATE)}"] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def test_each_machine_is_open_to_the_other_alone(store: Host, collect: Host) -> None:
    """What reaches a service from this computer is what the inventory allows: the exchange, which the tests ask."""
    ports = json.loads(store.check_output("marketprism contract --json"))["ports"]
    there = {
        address: host.check_output("ss --no-header --listening --tcp --numeric | awk '{print $4}'")
        for address, host in (("10.98.0.38", store), ("10.98.0.39", collect))
    }
    reached = {}
    for address, listening in there.items():
        ports_there = {int(line.rpartition(":")[2]) for line in listening.splitlines()}
        assert ports_there & set(ports.values()), "its services listen"
        reached[address] = {port for port in ports_there if answers(address, port)}
    assert reached == {"10.98.0.38": {22}, "10.98.0.39": {22, 8190}}


def answers(address: str, port: int) -> bool:
    try:
        socket.create_connection((address, port), timeout=1).close()
    except OSError:
        return False
    return True


def test_machines_that_cannot_reach_each_other_are_refused() -> None:
    said = re.sub(r"\s+", " ", verb("preflight", "marketprism_bind=127.0.0.1", code=1))
    assert "marketprism_bind of mp-store is 127.0.0.1, by which the other hosts (mp-collect) do not reach it" in said
    assert "mp-store :" not in said, "no host was asked"


@pytest.fixture(scope="module")
def a_backup() -> None:
    """What ``drill`` and ``restore`` look at."""
    verb("backup")


@pytest.mark.usefixtures("a_backup")
@pytest.mark.parametrize("name", VERBS)
def test_in_check_mode_a_verb_changes_nothing(store: Host, collect: Host, name: str) -> None:
    before = state(store, collect)
    verb(name, *([CONFIRMED[name]] if name in CONFIRMED else []), check=True)
    assert state(store, collect) == before


def test_an_upgrade_in_check_mode_changes_nothing(store: Host, collect: Host, tmp_path: Path) -> None:
    before = state(store, collect)
    said = verb("upgrade", changed_app(tmp_path, "0.1.1"), *SERVERS, check=True)
    assert state(store, collect) == before
    assert not re.search(r"mp-(store|collect) +: .*changed=0 ", said)


def test_repair_brings_back_what_was_broken_on_either_machine(store: Host, collect: Host) -> None:
    since = now(store)
    store.check_output("systemctl disable --now nats-server && rm /etc/systemd/system/marketprism-storage@.service")
    collect.check_output("systemctl stop marketprism-collector && rm /usr/local/bin/marketprism && nft flush ruleset")
    verb("repair")
    assert store.service("nats-server").is_enabled
    assert collect.check_output("nft list tables").count("marketprism")
    assert store.check_output("marketprism health")
    nothing_is_missing(store, since)


def test_stop_stops_both_and_start_starts_them(store: Host, collect: Host) -> None:
    since = now(store)
    verb("stop")
    services = "systemctl list-units --state=active,activating --plain --no-legend --type=service"
    assert [host.run(f"{services} 'marketprism-[cs]*' 'nats*' 'clickhouse*'").stdout for host in (store, collect)] == [
        "",
        "",
    ]
    verb("start")
    verb("health")
    store.check_output("systemctl start marketprism-backfill")
    nothing_is_missing(store, since)


def test_a_restart_loses_nothing(store: Host) -> None:
    since = now(store)
    verb("restart")
    nothing_is_missing(store, since)


def test_a_restored_table_equals_the_one_that_was_backed_up(store: Host, collect: Host) -> None:
    since = now(store)
    collect.check_output("systemctl stop marketprism-collector")
    store.check_output("sleep 2; systemctl stop marketprism-storage@hot")
    (before,) = query(store, CONTENT)
    verb("backup")
    assert f"marketprism_hot.trades ({before['rows']} rows)" in verb("restore", code=1)
    cut = store.check_output("date -u '+%Y-%m-%d %H:%M:%S'")
    store.check_output("sleep 1")
    verb("restore", CONFIRMED["restore"])
    assert query(store, f"{CONTENT} WHERE inserted_at < toDateTime64('{cut}', 3, 'UTC')") == [before]
    nothing_is_missing(store, since)


def test_a_machine_without_nats_knows_how_much_nats_may_hold(store: Host, collect: Host) -> None:
    """As in an upgrade, which takes one machine after the other: the one with NATS has its turn later."""
    asked = "sed -n 's/ *store_bytes: //p' /etc/marketprism/marketprism.yml"
    before = [host.check_output(asked) for host in (store, collect)]
    verb("artifacts")  # the check of an upgrade has named a newer release
    verb("application", limit="mp-collect,localhost")
    assert [host.check_output(asked) for host in (store, collect)] == before
    assert before[0] == before[1] != ""


def releases(store: Host, collect: Host) -> tuple[str, str]:
    return release(store, "marketprism-storage@hot"), release(collect)


def test_an_upgrade_reaches_both_and_a_rollback_takes_both_back(store: Host, collect: Host, tmp_path: Path) -> None:
    old, since = releases(store, collect), now(store)
    verb("upgrade", changed_app(tmp_path, "0.1.1"), *SERVERS)
    new = releases(store, collect)
    assert len(set(new)) == 1
    assert new[0].startswith("0.1.1-")
    nothing_is_missing(store, since)

    before = state(store, collect)
    verb("rollback", check=True)
    assert state(store, collect) == before

    since = now(store)
    verb("rollback")
    assert releases(store, collect) == old
    nothing_is_missing(store, since)
    assert "has no previous release to go back to; nothing was changed" in verb("rollback", code=1)


def test_where_one_machine_fails_the_upgrade_all_go_back(store: Host, collect: Host, tmp_path: Path) -> None:
    """The collector is the last of them: the machine with the data has been upgraded before."""
    old, since = releases(store, collect), now(store)
    record = "cat /etc/marketprism/installation.json"
    records = [host.check_output(record) for host in (store, collect)]
    broken = changed_app(tmp_path, "0.1.2", fault="raise SystemExit('broken on purpose')")
    said = verb("upgrade", broken, "backup_dir=", *SERVERS, code=1).replace("\n", " ")
    assert "The upgrade of mp-collect failed" in said
    assert releases(store, collect) == old
    assert [host.check_output(record) for host in (store, collect)] == records
    nothing_is_missing(store, since)
    assert store.run("marketprism health").rc == 0


def test_new_secrets_reach_both_machines(store: Host, collect: Host) -> None:
    since, before = now(store), state(store, collect)
    verb("rotate-secrets")
    after = state(store, collect)
    secrets = [name for name in before if re.search("content of.*credentials/|^clone credentials/", name)]
    assert {name.split()[0] for name in secrets} == {"mp-store", "mp-collect", "clone"}
    assert [name for name in secrets if before[name] == after.get(name)] == []
    nothing_is_missing(store, since)


def test_every_machine_has_a_bundle(store: Host) -> None:
    verb("support-bundle")
    assert {path.name.split("-20")[0] for path in (STATE / "support").glob("*.tar.gz")} == {
        "support-mp-store",
        "support-mp-collect",
    }


def test_uninstalling_takes_both_away_and_deletes_no_data(store: Host, collect: Host) -> None:
    verb("uninstall", CONFIRMED["uninstall"])
    names = "{marketprism,nats,clickhouse}"
    places = f"ls -d /opt/{names} /etc/{names} /etc/clickhouse-server /var/lib/{names}"
    assert [host.run(f"bash -c '{places}'").stdout for host in (store, collect)] == ["", ""]
    assert store.run("bash -c 'ls -d /var/lib/marketprism-aside/*/var/lib/{nats,clickhouse,marketprism}'").rc == 0
    assert collect.run("bash -c 'ls -d /var/lib/marketprism-aside/*/var/lib/marketprism'").rc == 0
    assert verb("uninstall", CONFIRMED["uninstall"]).count("changed=0") == 2
