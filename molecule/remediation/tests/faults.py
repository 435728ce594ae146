"""Real faults of a machine, by the problem that the doctor has to name; ``problem:variant`` where one has several."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from testinfra.host import Host

SIMULATOR = "http://10.98.0.36:8190/control/faults"
CLICKHOUSE = "http://10.98.0.36:8123/"
PROMETHEUS = "http://10.98.0.36:9090/api/v1/query"
PROGRAMS = Path(__file__).parents[1] / "programs"
PYTHON = "/opt/marketprism/current/venv/bin/python"
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
        loses: Whether the fault itself takes rows away: then nothing may be lost from there on.
        is_profile: Whether the repair is a profile, which is taken back afterwards.
        clean: Withdraws what the repair leaves.
        impossible: Why a lab machine cannot have it; empty where it can.
    """

    inject: Callable[[Host], None]
    section: str
    wrong: str
    limit: float = 0
    repaired: bool = True
    loses: bool = False
    is_profile: bool = False
    clean: Callable[[Host], None] = lambda host: None
    impossible: str = ""


def run(command: str) -> Callable[[Host], None]:
    """Return a fault that is a command."""

    def inject(host: Host) -> None:
        host.check_output(command)

    return inject


def told(host: Host, program: str) -> None:
    """Run one of our programs on the machine, with the application's Python."""
    host.check_output(f"{PYTHON} -c %s", (PROGRAMS / f"{program}.py").read_text(encoding="utf-8"))


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


def unblocked(host: Host) -> None:
    """Let the exchange answer again, and the collector ask it at once: by itself it does so after minutes."""
    withdraw(host)
    host.check_output("systemctl restart marketprism-collector")


def stale_process(host: Host) -> None:
    host.check_output("systemctl stop nats-server")
    server = "/opt/nats/current/nats-server -a 10.98.0.36 -p 4222 -m 8222"
    host.check_output(f"setsid --fork {server} >/dev/null 2>&1 </dev/null")
    host.check_output("sleep 1; systemctl start nats-server --no-block")


def corrupt(host: Host) -> None:
    host.check_output("systemctl stop nats-server")
    host.check_output("printf broken > '/var/lib/nats/jetstream/$G/streams/MARKET_DATA/meta.inf'")
    host.check_output("systemctl start nats-server")


def many_parts(host: Host) -> None:
    sql(host, "CREATE TABLE marketprism_hot.many (n UInt64) ENGINE = MergeTree ORDER BY n")
    sql(host, "SYSTEM STOP MERGES")
    sql(
        host,
        "INSERT INTO marketprism_hot.many SELECT number FROM numbers(400) SETTINGS max_block_size = 1,"
        " min_insert_block_size_rows = 1, min_insert_block_size_bytes = 1",
    )


def small_disk(host: Host) -> None:
    """Give NATS a disk of its own, on which cached packages lie as well, and fill it up."""
    host.check_output(
        "set -e; systemctl stop nats-server; mkdir -p /run/small;"
        " mount -t tmpfs -o size=$(( $(du -sk /var/lib/nats | cut -f1) + 131072 ))k tmpfs /run/small;"
        " cp -a /var/lib/nats /run/small/; mkdir /run/small/archives; mount --bind /run/small/nats /var/lib/nats;"
        " mount --bind /run/small/archives /var/cache/apt/archives; systemctl start nats-server; sleep 5;"
        " ! dd if=/dev/zero of=/run/small/archives/old_1_all.deb bs=1M"
    )


def large_disk(host: Host) -> None:
    """Give NATS its place back, and what it holds."""
    host.check_output(
        "set -e; systemctl stop nats-server; umount /var/lib/nats /var/cache/apt/archives;"
        " rm -rf /var/lib/nats/jetstream; cp -a /run/small/nats/jetstream /var/lib/nats/;"
        " umount /run/small; systemctl start nats-server"
    )


def hung(host: Host) -> None:
    program = (PROGRAMS / "hang.py").read_text(encoding="utf-8")
    process = host.check_output(f"systemctl show --property=MainPID --value {STORAGE}")
    host.check_output("systemd-run --collect --unit=hang python3 -c %s %s", program, process)


def flooded(host: Host) -> None:
    """Let more come in than a ClickHouse at a tenth of its speed can store, into streams with little room."""
    host.check_output(f"echo MARKETPRISM_NATS__STORE_BYTES={64 * 1024**2} >> /etc/marketprism/marketprism.env")
    host.check_output("marketprism streams apply")
    slow = (
        "server=$(systemctl show --property=MainPID --value clickhouse-server); trap 'kill -CONT $server; exit' TERM;"
        " while :; do kill -STOP $server; sleep 0.9; kill -CONT $server; sleep 0.1; done"
    )
    host.check_output("systemd-run --collect --unit=slow sh -c %s", slow)
    program = (PROGRAMS / "flood.py").read_text(encoding="utf-8")
    host.check_output(f"systemd-run --collect --unit=flood {PYTHON} -c %s", program)


def holes(host: Host) -> None:
    """Lose trades while the exchange gives none of the past, until the collector no longer asks."""
    simulate(host, fault="bad-request", venue="okx-spot", seconds=100, count=MONTHS)
    simulate(host, fault="lost-trades", venue="okx-spot", count=3)


def nameless(host: Host) -> None:
    host.check_output("cp /etc/resolv.conf /run/resolv.conf && echo nameserver 192.0.2.1 > /etc/resolv.conf")
    simulate(host, fault="close-all", venue="okx-spot")


def skewed(host: Host) -> None:
    simulate(host, fault="clock-skew", milliseconds=-5000, seconds=MONTHS)
    host.check_output(f"systemctl restart {COLLECTOR}")


FAULTS: dict[str, Fault] = {
    # First: the exchange has the trades of some minutes, and what the other faults leave is older when it is asked for.
    "sequence-gaps": Fault(section="beyond", inject=holes, wrong="dead-letters", limit=180, clean=withdraw),
    "nats-down": Fault(
        section="service",
        inject=run(
            "chown root:root /var/lib/nats/jetstream && chmod 700 /var/lib/nats/jetstream"
            " && systemctl kill -s KILL nats-server"
        ),
        wrong="storage-down",
    ),
    "nats-down:frozen": Fault(
        section="service", inject=run("systemctl kill --signal=STOP nats-server"), wrong="port-taken", limit=15
    ),
    "clickhouse-down": Fault(
        section="service",
        inject=run(
            "chown -R root:root /var/lib/clickhouse/store && chmod 700 /var/lib/clickhouse/store"
            " && systemctl kill -s KILL clickhouse-server"
        ),
        wrong="nats-down",
    ),
    "clickhouse-down:program": Fault(
        section="service",
        inject=run(
            "cd /opt/clickhouse/current/ && mv libchdb.so /var/tmp/ && echo broken > libchdb.so"
            " && systemctl kill -s KILL clickhouse-server"
        ),
        wrong="storage-down",
        clean=run("rm -f /var/tmp/libchdb.so"),
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
    "collector-down:unit": Fault(
        section="service",
        inject=run(
            f"mkdir -p /etc/systemd/system/{COLLECTOR}.d && cd /etc/systemd/system/{COLLECTOR}.d"
            " && printf '[Service]\\nExecStart=\\nExecStart=/opt/none\\n' > override.conf"
            f" && systemctl daemon-reload && systemctl restart --no-block {COLLECTOR}"
        ),
        wrong="config-invalid",
        repaired=False,
        clean=run(
            f"rm -r /etc/systemd/system/{COLLECTOR}.d && systemctl daemon-reload && systemctl restart {COLLECTOR}"
        ),
    ),
    "no-data": Fault(
        section="data", inject=no_data, wrong="storage-down", limit=60, loses=True, clean=no_longer_renewed
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
    "memory-pressure": Fault(
        section="performance",
        inject=memory_pressure,
        wrong="storage-down",
        impossible="the lab's machines take MemoryMax= and do not enforce it, and their memory is this computer's",
    ),
    "cpu-saturated": Fault(
        section="performance",
        inject=cpu_saturated,
        wrong="collector-down",
        limit=90,
        clean=end_queries,
        is_profile=True,
    ),
    "exchange-blocked": Fault(
        section="network", inject=blocked, wrong="websocket-flapping", limit=30, clean=unblocked, is_profile=True
    ),
    "websocket-flapping": Fault(
        section="network",
        inject=lambda host: simulate(host, fault="lifetime", venue="okx-spot", age=4.0, seconds=45),
        wrong="exchange-blocked",
        limit=60,
        is_profile=True,
    ),
    # The longer wait cannot help here, and the playbook has to see that.
    "websocket-flapping:lasting": Fault(
        section="network",
        inject=lambda host: simulate(host, fault="lifetime", venue="okx-spot", age=4.0, seconds=MONTHS),
        wrong="exchange-blocked",
        limit=60,
        repaired=False,
        clean=withdraw,
    ),
    "disk-full": Fault(section="beyond", inject=small_disk, wrong="nats-down", clean=large_disk),
    "dns-failure": Fault(
        section="beyond",
        inject=nameless,
        wrong="exchange-blocked",
        limit=30,
        clean=run("cp /run/resolv.conf /etc/resolv.conf"),
    ),
    "consumer-stuck": Fault(
        section="beyond", inject=hung, wrong="storage-down", limit=60, clean=run("systemctl stop hang || true")
    ),
    "stream-full": Fault(
        section="beyond",
        inject=flooded,
        wrong="storage-down",
        limit=15,
        repaired=False,
        clean=run(
            "systemctl stop flood slow; sed -i /STORE_BYTES/d /etc/marketprism/marketprism.env;"
            " marketprism streams apply"
        ),
    ),
    "port-taken": Fault(section="beyond", inject=stale_process, wrong="nats-down"),
    "port-taken:foreign": Fault(
        section="beyond",
        inject=run(
            f"systemctl stop {STORAGE} && systemd-run --collect --unit=foreign python3 -m http.server 8085"
            f" --bind 10.98.0.36 --directory /run && sleep 1 && systemctl start --no-block {STORAGE}"
        ),
        wrong="storage-down",
        repaired=False,
        clean=run(f"systemctl stop foreign && systemctl restart {STORAGE}"),
    ),
    "jetstream-corrupt": Fault(section="beyond", inject=corrupt, wrong="nats-down"),
    "stream-drift": Fault(section="beyond", inject=lambda host: told(host, "forget"), wrong="schema-drift"),
    "schema-drift": Fault(
        section="beyond",
        inject=lambda host: sql(host, "DROP TABLE marketprism_hot.volatility_indices SYNC"),
        wrong="stream-drift",
    ),
    "config-invalid": Fault(
        section="beyond",
        inject=run(f"echo 'sauce: 1' >> /etc/marketprism/marketprism.yml && systemctl restart --no-block {COLLECTOR}"),
        wrong="collector-down",
    ),
    "config-invalid:rights": Fault(
        section="beyond",
        inject=run(f"chmod 600 /etc/marketprism/marketprism.yml && systemctl restart --no-block {COLLECTOR}"),
        wrong="collector-down",
    ),
    "config-invalid:address": Fault(
        section="beyond",
        inject=run(
            "echo MARKETPRISM_COLLECTOR__BIND=192.0.2.1 >> /etc/marketprism/marketprism.env"
            f" && systemctl restart --no-block {COLLECTOR}"
        ),
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
        is_profile=True,
    ),
    "dead-letters": Fault(
        section="beyond",
        inject=lambda host: told(host, "letter"),
        wrong="sequence-gaps",
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
        inject=run(
            "rm -f /srv/backup/*.json && touch --no-dereference --date='30 hours ago' /var/lib/marketprism/backups"
        ),
        wrong="disk-full",
    ),
}
"""Faults by the problem that they are, in the order in which they are tried."""
SHORT = ("storage-down", "stale-data", "cpu-saturated", "exchange-blocked")
"""One of every section of the guide."""
SETS = {
    "": SHORT,
    "guide": tuple(name for name, fault in FAULTS.items() if fault.section != "beyond"),
    "beyond": tuple(name for name, fault in FAULTS.items() if fault.section == "beyond"),
    "others": (),
}
"""What REMEDIATION_FAULTS chooses; ``others`` is what the other files try: pairs, riddles, no fault."""
