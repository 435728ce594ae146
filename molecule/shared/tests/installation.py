"""An installation of a scenario, and the exchange that it collects from: run a verb, ask for values, compare them."""

import json
import os
import re
import shutil
import subprocess
import urllib.request
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from testinfra.host import Host

CLONE = Path(os.environ["MOLECULE_PROJECT_DIRECTORY"])
EPHEMERAL = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"])
INVENTORY = f"mp-{os.environ['MOLECULE_SCENARIO_NAME']}"
STATE = EPHEMERAL / "state" / INVENTORY
"""As molecule.yml of each scenario has them."""
HASH = "toString(sum(cityHash64(trade_id, price, quantity, timestamp, inserted_at)))"
CONTENT = f"SELECT count() AS rows, {HASH} AS hash FROM trades"
PAGE = 1000
NO_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def ansible(program: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run one of Ansible's programs on the scenario's machines, as molecule does."""
    environ = {
        **os.environ,
        "ANSIBLE_CONFIG": str(EPHEMERAL / "ansible.cfg"),
        "ANSIBLE_ROLES_PATH": str(CLONE / "roles"),
        "ANSIBLE_FORCE_COLOR": "false",  # which molecule sets: what is printed is searched
    }
    command = [program, "-i", EPHEMERAL / "inventory", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environ)


def verb(name: str, *extra: str, code: int = 0, check: bool = False, limit: str = "") -> str:
    """Run a playbook against the machines as an operator would; returns what it printed."""
    options = [*(["--check", "--diff"] if check else []), *(["--limit", limit] if limit else [])]
    for variable in (f"marketprism_inventory={INVENTORY}", f"marketprism_state_dir={STATE}", *extra):
        options += ["-e", variable]
    done = ansible("ansible-playbook", CLONE / "playbooks" / f"{name}.yml", *options)
    assert (done.returncode == 0) == (code == 0), done.stdout + done.stderr
    return done.stdout + done.stderr


def query(host: Host, sql: str) -> list[dict[str, Any]]:
    return json.loads(host.check_output("marketprism sql --format json %s", sql))["data"]


def now(host: Host) -> str:
    return host.check_output("date -u +%Y-%m-%dT%H:%M:%S.%3N")


def traded(exchange: str, symbol: str, first: int, rows: int) -> list[tuple[int, Decimal, Decimal, int]]:
    """Ask the exchange for its trades from an id on, by id, price, quantity and milliseconds."""
    found: list[tuple[int, Decimal, Decimal, int]] = []
    while len(found) < rows:
        page = f"{exchange}/api/v3/historicalTrades?symbol={symbol}&fromId={first + len(found)}&limit={PAGE}"
        with NO_PROXY.open(page, timeout=20) as answer:
            trades: list[dict[str, Any]] = json.load(answer)
        assert trades, f"{symbol}: no trades from {first + len(found)} on"
        found += [(each["id"], Decimal(each["price"]), Decimal(each["qty"]), each["time"]) for each in trades]
    return found[:rows]


def nothing_is_missing(host: Host, since: str) -> None:
    """Compare what was stored since a time with itself, as an operator does, and with what the exchange traded."""
    audited = host.run("marketprism audit --json --since %s", since)
    found = json.loads(audited.stdout)
    assert (found["differences"], audited.rc) == ([], 0)
    trades = {line["symbol"]: line for line in found["lines"] if line["data_type"] == "trade"}
    assert {symbol: line["missing"] for symbol, line in trades.items()} == {"BTC-USDT": 0, "ETH-USDT": 0}
    exchange = host.ansible.get_variables()["marketprism_venues"]["binance-spot"]["rest_url"]
    for symbol in trades:
        sql = (
            "SELECT trade_id, toString(price) AS price, toString(quantity) AS quantity,"
            f" toUnixTimestamp64Milli(timestamp) AS ms FROM trades WHERE symbol = '{symbol}'"
            f" AND timestamp >= toDateTime64('{since}', 6, 'UTC') ORDER BY trade_id"
        )
        rows = query(host, sql)
        stored = [
            (int(each["trade_id"]), Decimal(each["price"]), Decimal(each["quantity"]), int(each["ms"])) for each in rows
        ]
        seconds = (datetime.now(UTC) - datetime.fromisoformat(f"{since}+00:00")).total_seconds()
        assert len(stored) > 20 * seconds, "the load was there"
        assert stored == traded(exchange, symbol.replace("-", ""), stored[0][0], len(stored))


def release(host: Host, unit: str = "marketprism-collector") -> str:
    """Return the release that a unit runs, by three witnesses: the link, the files of the process, and the record."""
    name = host.check_output("basename $(readlink -f /opt/marketprism/current)")
    mapped = host.check_output(f"cat /proc/$(systemctl show -P MainPID {unit})/maps")
    assert set(re.findall(r"/opt/marketprism/releases/([^/]+)/", mapped)) == {name}
    assert json.loads(host.check_output("cat /etc/marketprism/installation.json"))["version"] == name
    return name


def changed_app(directory: Path, version: str, fault: str = "") -> str:
    """Make a tree of the application with another version, and a collector with a fault where one is wanted.

    Returns the variable of a playbook that names the tree.
    """
    tree = directory / version
    shutil.copytree(CLONE / "app", tree, ignore=shutil.ignore_patterns("tests", "benchmarks", "__pycache__", ".*"))
    project = tree / "pyproject.toml"
    project.write_text(re.sub(r"(?m)^version = .*", f'version = "{version}"', project.read_text()))
    if fault:
        service = tree / "src/marketprism/cli/collector.py"
        service.write_text(service.read_text() + f"\n{fault}\n")
    return f"artifacts_app_dir={tree}"
