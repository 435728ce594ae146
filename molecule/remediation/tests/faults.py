"""Real faults of a machine, by the problem that the doctor has to name."""

import json
from collections.abc import Callable
from dataclasses import dataclass

from testinfra.host import Host

SIMULATOR = "http://10.98.0.36:8190/control/faults"
CLICKHOUSE = "http://10.98.0.36:8123/"
PACKAGES = "/opt/marketprism/current/venv/lib/python3*/site-packages"
COLLECTOR, STORAGE = "marketprism-collector.service", "marketprism-storage@hot.service"
MONTHS = 9_999_999


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault.

    Attributes:
        section: Of the operator's guide; ``beyond`` what it does not know.
        wrong: A playbook that must refuse.
        limit: Seconds after which the doctor cannot but see it; its rules wait so long to be sure.
        repaired: False where the playbook has to refuse, or to say that it did not help.
        audited: Whether nothing may be lost; not where the fault itself takes rows away.
        is_profile: Whether the repair is a profile, which is taken back afterwards.
        clean: Withdraws what the repair leaves.
    """

    inject: Callable[[Host], None]
    section: str
    wrong: str
    limit: float = 0
    repaired: bool = True
    audited: bool = True
    is_profile: bool = False
    clean: Callable[[Host], None] = lambda host: None


def run(command: str) -> Callable[[Host], None]:
    """Return a fault that is a command."""

    def inject(host: Host) -> None:
        host.check_output(command)

    return inject


def simulate(host: Host, **order: object) -> None:
    """Inject a fault of the simulated exchanges."""
    ask(host, SIMULATOR, json.dumps(order))


def withdraw(host: Host) -> None:
    """Withdraw all faults of the simulated exchanges."""
    ask(host, SIMULATOR, method="DELETE")


def sql(host: Host, statement: str) -> None:
    """Tell ClickHouse something as its administrator."""
    ask(host, CLICKHOUSE, statement, headers="'X-ClickHouse-User': 'marketprism_admin', 'X-ClickHouse-Key': KEY")


def ask(host: Host, url: str, body: str = "", method: str = "POST", headers: str = "") -> str:
    """Ask an address of the machine, on the machine."""
    program = (
        "import sys, urllib.request as r; KEY = open('/etc/marketprism/credentials/clickhouse-admin').read().strip();"
        f" q = r.Request(sys.argv[1], sys.argv[2].encode() or None, {{{headers}}}, method=sys.argv[3]);"
        " print(r.build_opener(r.ProxyHandler({})).open(q, timeout=60).read().decode())"
    )
    return host.check_output("python3 -c %s %s %s %s", program, url, body, method)


def until_renewed(*faults: dict[str, object]) -> Callable[[Host], None]:
    """Return a fault of the exchanges that ends with the collector's connections."""

    def inject(host: Host) -> None:
        drop_in = f"/run/systemd/system/{COLLECTOR}.d"
        program = f"import urllib.request as r; r.urlopen(r.Request('{SIMULATOR}', method='DELETE'), timeout=10)"
        host.check_output(f"mkdir -p {drop_in}")
        text = f'[Service]\nExecStartPre=/usr/bin/python3 -c "{program}"\n'
        host.check_output("printf '%%s' %s > %s", text, f"{drop_in}/renewed.conf")
        host.check_output("systemctl daemon-reload")
        for fault in faults:
            simulate(host, **fault)

    return inject


def no_longer_renewed(host: Host) -> None:
    """Take what `until_renewed` did away."""
    withdraw(host)
    host.check_output(f"rm -f /run/systemd/system/{COLLECTOR}.d/renewed.conf; systemctl daemon-reload")


def wait_for_quiet(host: Host) -> None:
    """Wait until nothing comes for a while."""
    # A new connection brings OKX's snapshot of the book; the collector opens one soon, the next in three minutes.
    journal = f"journalctl --unit {COLLECTOR} --since=-60s --grep 'okx-spot.*connection replaced'"
    host.check_output(f'timeout 90 sh -c "until {journal}; do sleep 1; done"; sleep 3')


def no_data(host: Host) -> None:
    until_renewed({"fault": "silent", "seconds": 3600})(host)
    wait_for_quiet(host)
    names = host.check_output("marketprism contract --json")
    for each in json.loads(names)["data_types"].values():
        if each["freshness_seconds"]:  # the ledger of holes stays: it would come back from the stream
            sql(host, f"TRUNCATE TABLE marketprism_hot.{each['table']}")


def no_books(host: Host) -> None:
    until_renewed({"fault": "silent", "seconds": 3600, "sort": "depth"})(host)
    wait_for_quiet(host)


def memory_pressure(host: Host) -> None:
    held = int(host.check_output(f"systemctl show --property=MemoryCurrent --value {STORAGE}"))
    host.check_output(f"systemctl set-property --runtime {STORAGE} MemoryMax={held + 65536}")


def cpu_saturated(host: Host) -> None:
    heavy = "SELECT sum(cityHash64(number)) FROM numbers(1000000000000) SETTINGS max_execution_time = 600"
    for number in range(4):
        host.check_output(f"systemd-run --collect --unit=reader-{number} marketprism sql %s", heavy)


def end_queries(host: Host) -> None:
    sql(host, "KILL QUERY WHERE user = 'marketprism_reader' ASYNC")


def blocked(host: Host) -> None:
    simulate(host, fault="geo-blocked", venue="binance-spot", seconds=MONTHS)
    simulate(host, fault="close-all", venue="binance-spot")


def stale_process(host: Host) -> None:
    host.check_output("systemctl stop nats-server")
    server = "/opt/nats/current/nats-server -a 10.98.0.36 -p 4222 -m 8222"
    host.check_output(f"setsid --fork {server} >/dev/null 2>&1 </dev/null")
    host.check_output("sleep 1; systemctl start nats-server --no-block")


def corrupt(host: Host) -> None:
    host.check_output("systemctl stop nats-server")
    host.check_output("printf broken > '/var/lib/nats/jetstream/$G/streams/MARKET_DATA/meta.inf'")
    host.check_output("systemctl start nats-server")


def consumer_gone(host: Host) -> None:
    program = """
import asyncio
from marketprism import settings
from marketprism.contract.catalog import STREAMS
from marketprism.ops import streams

async def run():
    async with streams.connect(settings.load()) as js:
        await js.call('CONSUMER.DELETE.MARKET_DATA.' + STREAMS['MARKET_DATA'].consumer)

asyncio.run(run())
"""
    host.check_output("/opt/marketprism/current/venv/bin/python -c %s", program)


def many_parts(host: Host) -> None:
    sql(host, "CREATE TABLE marketprism_hot.many (n UInt64) ENGINE = MergeTree ORDER BY n")
    sql(host, "SYSTEM STOP MERGES")
    sql(
        host,
        "INSERT INTO marketprism_hot.many SELECT number FROM numbers(400) SETTINGS max_block_size = 1,"
        " min_insert_block_size_rows = 1, min_insert_block_size_bytes = 1",
    )


def letters(host: Host) -> None:
    program = """
import asyncio
from marketprism import settings
import nats

async def run():
    s = settings.load()
    nc = await nats.connect(s.nats.url, user='collector', password=s.credential('nats-collector'))
    await nc.publish('trade.binance.spot.BTC-USDT', b'no envelope')
    await nc.flush()
    await nc.close()

asyncio.run(run())
"""
    host.check_output("/opt/marketprism/current/venv/bin/python -c %s", program)


def skewed(host: Host) -> None:
    simulate(host, fault="clock-skew", milliseconds=-5000, seconds=MONTHS)
    host.check_output(f"systemctl restart {COLLECTOR}")


FAULTS: dict[str, Fault] = {
    "nats-down": Fault(
        section="service",
        inject=run(
            "chown root:root /var/lib/nats/jetstream && chmod 700 /var/lib/nats/jetstream"
            " && systemctl kill -s KILL nats-server"
        ),
        wrong="storage-down",
    ),
    "clickhouse-down": Fault(
        section="service",
        inject=run(
            "chown -R root:root /var/lib/clickhouse/store && chmod 700 /var/lib/clickhouse/store"
            " && systemctl kill -s KILL clickhouse-server"
        ),
        wrong="nats-down",
    ),
    "storage-down": Fault(
        section="service",
        inject=run(f"rm {PACKAGES}/clickhouse_driver/client.py && systemctl restart --no-block {STORAGE}"),
        wrong="nats-down",
    ),
    "collector-down": Fault(
        section="service",
        inject=run(f"systemctl disable --now {COLLECTOR} && rm {PACKAGES}/websockets/frames.py"),
        wrong="clickhouse-down",
    ),
    "no-data": Fault(
        section="data", inject=no_data, wrong="storage-down", limit=60, audited=False, clean=no_longer_renewed
    ),
    "stale-data": Fault(
        section="data",
        inject=until_renewed({"fault": "silent", "seconds": 3600}),
        wrong="collector-down",
        limit=60,
        clean=no_longer_renewed,
    ),
    "orderbooks-empty": Fault(
        section="data",
        inject=no_books,
        wrong="stale-data",
        limit=60,
        clean=no_longer_renewed,
    ),
    "memory-pressure": Fault(section="performance", inject=memory_pressure, wrong="storage-down"),
    "cpu-saturated": Fault(
        section="performance",
        inject=cpu_saturated,
        wrong="collector-down",
        limit=90,
        clean=end_queries,
        is_profile=True,
    ),
    "exchange-blocked": Fault(
        section="network", inject=blocked, wrong="websocket-flapping", limit=30, clean=withdraw, is_profile=True
    ),
    "websocket-flapping": Fault(
        section="network",
        inject=lambda host: simulate(host, fault="lifetime", venue="okx-spot", age=4.0, seconds=45),
        wrong="exchange-blocked",
        limit=60,
        is_profile=True,
    ),
    "port-taken": Fault(section="beyond", inject=stale_process, wrong="nats-down"),
    "jetstream-corrupt": Fault(section="beyond", inject=corrupt, wrong="nats-down"),
    "stream-drift": Fault(section="beyond", inject=consumer_gone, wrong="schema-drift"),
    "schema-drift": Fault(
        section="beyond",
        inject=lambda host: sql(host, "DROP TABLE marketprism_hot.volatility_indices SYNC"),
        wrong="stream-drift",
        audited=False,
    ),
    "config-invalid": Fault(
        section="beyond",
        inject=run(f"echo 'sauce: 1' >> /etc/marketprism/marketprism.yml && systemctl restart --no-block {COLLECTOR}"),
        wrong="collector-down",
    ),
    "clickhouse-readonly": Fault(
        section="beyond",
        inject=run(
            "cd /etc/clickhouse-server/users.d && echo '<clickhouse><profiles><fixed><readonly>1</readonly></fixed>"
            "</profiles><users><marketprism_writer><profile>fixed</profile></marketprism_writer></users></clickhouse>'"
            " > 99-readonly.xml && chmod 644 99-readonly.xml && systemctl restart clickhouse-server"
        ),
        wrong="clickhouse-down",
    ),
    "too-many-parts": Fault(
        section="beyond",
        inject=many_parts,
        wrong="clickhouse-readonly",
        clean=lambda host: sql(host, "DROP TABLE marketprism_hot.many SYNC"),
    ),
    "dead-letters": Fault(
        section="beyond",
        inject=letters,
        wrong="sequence-gaps",
        repaired=False,
        audited=False,
        clean=run("marketprism dead-letters drop --all --yes"),
    ),
    "clock-skew": Fault(
        section="beyond",
        inject=skewed,
        wrong="dns-failure",
        limit=30,
        repaired=False,
        clean=lambda host: (withdraw(host), host.check_output(f"systemctl restart {COLLECTOR}"))[0],
    ),
    "backup-too-old": Fault(
        section="beyond",
        inject=run("cd /var/lib/marketprism && mkdir -p backup && echo '{\"finished_at\": 1}' > backup/latest.json"),
        wrong="disk-full",
        repaired=False,
        clean=run("rm /var/lib/marketprism/backup/latest.json"),
    ),
}
"""Faults by the problem that they are, those of the guide first."""
SHORT = ("storage-down", "stale-data", "cpu-saturated", "exchange-blocked")
"""One of every section of the guide; REMEDIATION_FAULTS=all proves the others as well."""
