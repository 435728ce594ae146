"""Evidence of a host on which all is well, and of each fault, as the sources would bring it."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from marketprism.contract.catalog import PORTS, STREAMS
from marketprism.ops.doctor.evidence import (
    Clone,
    Consumer,
    Cpu,
    Disk,
    Eater,
    Evidence,
    Face,
    Feed,
    Line,
    Listener,
    Memory,
    Stream,
    Tables,
    Unit,
)

NOW = 1_800_000_000.0
GIB = 1024**3
NATS, CLICKHOUSE = "nats-server.service", "clickhouse-server.service"
STORAGE, COLLECTOR = "marketprism-storage@hot.service", "marketprism-collector.service"
COLD = "marketprism-storage@cold.service"
VENUES = ("binance-spot", "okx-spot")
Fault = Callable[[Evidence], Evidence]


def healthy() -> Evidence:
    feeds = tuple(
        Feed(venue=venue, data_type=name, symbol="BTC-USDT", limit=limit, age=1.0)
        for venue in VENUES
        for name, limit in (("trade", 45), ("orderbook", 20))
    )
    return Evidence(
        now=NOW,
        units={name: Unit(name=name, since=NOW - 86_400) for name in (NATS, CLICKHOUSE, STORAGE, COLLECTOR)},
        ports=PORTS,
        faces={
            "nats_monitor": Face(url="http://a:8222/healthz", status=200, body={"status": "ok"}),
            "clickhouse_http": Face(url="http://a:8123/ping", status=200, text="Ok.\n"),
            "storage_hot": Face(url="http://a:8085/health", status=200, body={"details": storage_details()}),
            "collector": Face(url="http://a:8087/health", status=200, body={"details": collector_details()}),
        },
        memory=Memory(total=4 * GIB, available=2 * GIB),
        cpu=Cpu(count=2, idle=0.6, load=0.8, waiting_10s=3.0, waiting_60s=4.0),
        disks=tuple(Disk(path=f"/var/lib/{name}", total=40 * GIB, available=20 * GIB) for name in DATA),
        streams={name: stream(name) for name in STREAMS},
        stream_drift=(),
        schema_drift=(),
        tables=Tables(rows={"trade": 1000, "orderbook": 1000}, feeds=feeds, parts=12, parts_of="trades", merges=1),
        names={"stream.binance.com": "", "ws.okx.com": ""},
        backup_age=3600.0,
        clone=Clone(path="/srv/marketprism", pythons={"python3": (3, 11)}),
    )


DATA = ("nats", "clickhouse", "marketprism")


def storage_details() -> dict[str, Any]:
    return {"stale": [], "waits": {}, "stuck_seconds": {}, "events_per_second": {"trade": 40.0}}


def collector_details() -> dict[str, Any]:
    return {
        "venues": {name: venue_details(name) for name in VENUES},
        "publisher": {"connected": True, "causes": [], "published": 5000, "in_flight": 2},
    }


def venue_details(name: str) -> dict[str, Any]:
    return {
        "state": "collecting",
        "cause": None,
        "clock_skew_seconds": 0.02,
        "age_seconds": {"trade": {"BTC-USDT": 0.4}, "orderbook": {"BTC-USDT": 0.1}},
        "feeds": {"trade": {"BTC-USDT": "live"}, "orderbook": {"BTC-USDT": "live"}},
        "books": {"BTC-USDT": "live"},
        "connections": {f"{name}/public": {"open": True, "cause": None, "losses": 0}},
    }


def stream(name: str) -> Stream:
    consumer = STREAMS[name].consumer
    if consumer is None:
        return Stream(name=name, max_bytes=1_000_000)
    return Stream(
        name=name,
        messages=500,
        bytes=100_000,
        max_bytes=1_000_000,
        newest_seconds=0.2,
        oldest_seconds=3600.0,
        consumers=(Consumer(name=consumer, pending=3, unacknowledged=5, idle_seconds=0.4),),
    )


def changed(evidence: Evidence, face: str, **values: Any) -> Evidence:
    """Change details of a service's health; it answers 503 then."""
    details = {**evidence.details(face), **values}
    answer = replace(evidence.faces[face], status=503, body={"details": details})
    return replace(evidence, faces={**evidence.faces, face: answer})


def venue(evidence: Evidence, name: str, **values: Any) -> Evidence:
    venues = evidence.venues()
    return changed(evidence, "collector", venues={**venues, name: {**venues[name], **values}})


def silent(evidence: Evidence, *faces: str, error: str = "Connection refused") -> Evidence:
    gone = {name: Face(url=evidence.faces[name].url, error=error) for name in faces}
    return replace(evidence, faces={**evidence.faces, **gone})


def answering(evidence: Evidence, face: str, status: int, body: dict[str, Any]) -> Evidence:
    answer = Face(url=evidence.faces[face].url, status=status, body=body)
    return replace(evidence, faces={**evidence.faces, face: answer})


def unit(evidence: Evidence, name: str, **values: Any) -> Evidence:
    assert evidence.units is not None
    return replace(evidence, units={**evidence.units, name: replace(evidence.units[name], **values)})


def failed(evidence: Evidence, name: str, *texts: str, **values: Any) -> Evidence:
    lines = tuple(Line(seconds=NOW - 2, text=text) for text in texts)
    values = {"state": "activating", "sub": "auto-restart", "result": "exit-code", "exit_status": 1} | values
    return unit(evidence, name, restarts=7, since=NOW - 2, lines=lines, **values)


def stale(evidence: Evidence, *venues: str, types: tuple[str, ...] = ("trade", "orderbook")) -> Evidence:
    assert evidence.tables is not None
    feeds = tuple(
        replace(feed, age=300.0) if feed.venue in (venues or VENUES) and feed.data_type in types else feed
        for feed in evidence.tables.feeds
    )
    return replace(evidence, tables=replace(evidence.tables, feeds=feeds))


def nats_down(e: Evidence) -> Evidence:
    e = failed(silent(e, "nats_monitor"), NATS, "nats-server: signal 9")
    e = replace(e, streams=None, stream_drift=None, unseen={**e.unseen, "stream drift": "NATS cannot be reached"})
    if e.details("collector"):
        cause = "NATS at nats://a:4222 is away"
        e = changed(e, "collector", publisher={"connected": False, "causes": [cause], "published": 1, "in_flight": 9})
    if e.details("storage_hot"):
        e = changed(e, "storage_hot", waits={"MARKET_DATA": "NATS: disconnected"})
    return stale(e)


def clickhouse_down(e: Evidence) -> Evidence:
    e = silent(failed(e, CLICKHOUSE, "Segmentation fault"), "clickhouse_http")
    e = replace(e, tables=None, schema_drift=None, unseen={**e.unseen, "tables": "ClickHouse does not answer"})
    return waits(e, "ClickHouse at a:9000 is away: Connection refused") if e.details("storage_hot") else e


def waits(e: Evidence, cause: str) -> Evidence:
    return changed(e, "storage_hot", waits={"MARKET_DATA": f"ClickHouse: {cause}"})


def lagging(e: Evidence) -> Evidence:
    assert e.streams is not None
    stuck = Consumer(name="storage-hot", pending=9000, unacknowledged=100, idle_seconds=400.0)
    stream = replace(e.streams["MARKET_DATA"], consumers=(stuck,))
    return replace(e, streams={**e.streams, "MARKET_DATA": stream})


def storage_down(e: Evidence) -> Evidence:
    e = failed(silent(e, "storage_hot"), STORAGE, "ModuleNotFoundError: No module named 'msgspec'")
    return stale(lagging(e) if e.streams else e) if e.tables else e


def collector_down(e: Evidence) -> Evidence:
    e = failed(silent(e, "collector"), COLLECTOR, "ModuleNotFoundError: No module named 'nats'")
    if e.streams is not None:
        e = replace(e, streams={k: replace(s, newest_seconds=300.0) for k, s in e.streams.items()})
    return stale(e) if e.tables else e


def frozen_collector(e: Evidence) -> Evidence:
    return stale(silent(e, "collector", error="nothing within 3 s"))


def no_data(e: Evidence) -> Evidence:
    assert e.tables is not None
    feeds = tuple(replace(feed, age=None) for feed in e.tables.feeds)
    return replace(e, tables=replace(e.tables, rows={"trade": 0, "orderbook": 0}, feeds=feeds))


def silent_exchange(e: Evidence) -> Evidence:
    old = {"trade": {"BTC-USDT": 310.0}, "orderbook": {"BTC-USDT": 305.0}}
    for name in VENUES:
        e = venue(e, name, age_seconds=old)
    return stale(e)


def books_empty(e: Evidence) -> Evidence:
    for name in VENUES:
        e = venue(e, name, books={"BTC-USDT": "buffering"})
    return stale(e, types=("orderbook",))


def memory_short(e: Evidence) -> Evidence:
    eater = Eater(pid=77, command="stress --vm 4", cpu=0.3, memory_bytes=3 * GIB)
    return replace(e, memory=replace(e.memory, available=GIB // 10, stalled_10s=40, stalled_60s=20), eaters=(eater,))


def oom_killed(e: Evidence) -> Evidence:
    killed = "A process of this unit has been killed by the OOM killer."
    return stale(failed(silent(e, "collector"), COLLECTOR, killed, result="oom-kill"))


def cpu_full(e: Evidence) -> Evidence:
    eater = Eater(pid=78, command="stress --cpu 8", cpu=1.9, memory_bytes=GIB)
    return replace(e, cpu=Cpu(count=2, idle=0.0, load=9.0, waiting_10s=97, waiting_60s=80), eaters=(eater,))


def blocked(e: Evidence) -> Evidence:
    refused = "blocked by the venue (HTTP 451)"
    e = venue(
        e,
        "binance-spot",
        state="blocked",
        cause="blocked: HTTP 451",
        connections={"binance-spot/public": {"open": False, "cause": refused}},
        age_seconds={"trade": {"BTC-USDT": 300.0}},
    )
    return stale(e, "binance-spot") if e.tables else e


def flapping(e: Evidence) -> Evidence:
    def lost(seconds: float) -> Line:
        entry = {
            "component": "session", "connection": "okx-spot/public", "event": "connection lost", "cause": "1006",
        }  # fmt: skip
        return Line(seconds=NOW - seconds, text=json.dumps(entry))

    return unit(e, COLLECTOR, lines=tuple(lost(seconds) for seconds in (500, 300, 100, 50, 10)))


def disk(e: Evidence, path: str = "/var/lib/nats") -> Evidence:
    disks = tuple(replace(d, available=GIB // 100) if d.path == path else d for d in e.disks)
    return replace(e, disks=disks)


def nats_disk_full(e: Evidence) -> Evidence:
    return disk(nats_down(e))


def port_taken(e: Evidence) -> Evidence:
    e = nats_down(e)
    e = failed(e, NATS, 'Error listening on port: a:4222, "listen tcp: bind: address already in use"')
    return replace(e, listeners=(Listener(port=4222, pid=4711, command="nats-server -p 4222"),))


def skewed(e: Evidence) -> Evidence:
    for name in VENUES:
        e = venue(e, name, clock_skew_seconds=-42.5)
    return e


def corrupt(e: Evidence) -> Evidence:
    said = "JetStream stream '$G > MARKET_DATA' could not be recovered"
    e = answering(e, "nats_monitor", 503, {"error": said})
    cause = "no stream takes trade.>"
    publisher = {"connected": True, "causes": [cause], "published": 1, "in_flight": 9}
    streams = {name: stream for name, stream in (e.streams or {}).items() if name != "MARKET_DATA"}
    e = replace(e, streams=streams, stream_drift=("stream MARKET_DATA is missing",))
    return stale(changed(e, "collector", publisher=publisher))


def stream_full(e: Evidence) -> Evidence:
    assert e.streams is not None
    full = replace(e.streams["MARKET_DATA"], bytes=999_000)
    e = replace(e, streams={**e.streams, "MARKET_DATA": full})
    causes = ["MARKET_DATA refuses messages: maximum bytes exceeded"]
    return stale(changed(e, "collector", publisher={"connected": True, "causes": causes}))


def consumer_missing(e: Evidence) -> Evidence:
    assert e.streams is not None
    e = replace(e, streams={**e.streams, "MARKET_DATA": replace(e.streams["MARKET_DATA"], consumers=())})
    return stale(replace(e, stream_drift=("consumer storage-hot of MARKET_DATA is missing",)))


def stream_config(e: Evidence) -> Evidence:
    return replace(e, stream_drift=("stream MARKET_DATA: discard is old, wanted new",))


def table_missing(e: Evidence) -> Evidence:
    e = replace(e, schema_drift=("table marketprism_hot.trades is missing",), tables=None)
    e = replace(e, unseen={**e.unseen, "tables": "Unknown table marketprism_hot.trades"})
    return waits(e, "ClickHouse answers with error 60: Unknown table")


def dead_letters(e: Evidence) -> Evidence:
    assert e.streams is not None
    return replace(e, streams={**e.streams, "DEAD_LETTERS": Stream(name="DEAD_LETTERS", messages=4, bytes=900)})


def gaps(e: Evidence) -> Evidence:
    assert e.tables is not None
    return replace(e, tables=replace(e.tables, open_gaps=("okx spot BTC-USDT trade: 7 missing after id 9",)))


def stuck(e: Evidence) -> Evidence:
    return stale(changed(lagging(e), "storage_hot", stuck_seconds={"MARKET_DATA": 150.0}))


def readonly(e: Evidence) -> Evidence:
    return stale(waits(e, "ClickHouse answers with error 164: Cannot execute query in readonly mode"))


def parts(e: Evidence) -> Evidence:
    assert e.tables is not None
    many = replace(e.tables, parts=900, parts_of="marketprism_hot.trades 2026-11-24", merges=0)
    return replace(e, tables=many)


def backup_old(e: Evidence) -> Evidence:
    return replace(e, backup_age=30 * 3600.0)


def dns(e: Evidence) -> Evidence:
    cause = "[Errno -3] Temporary failure in name resolution"
    for name in VENUES:
        closed = {f"{name}/public": {"open": False, "cause": cause}}
        e = venue(e, name, connections=closed, age_seconds={"trade": {"BTC-USDT": 300.0}})
    return stale(replace(e, names=dict.fromkeys(e.names, cause)))


def config_invalid(e: Evidence) -> Evidence:
    refused = "marketprism: unknown setting 'sauce' (in /etc/marketprism/marketprism.yml); did you mean 'source'?"
    e = failed(failed(e, COLLECTOR, refused, exit_status=2), STORAGE, refused, exit_status=2)
    e = replace(silent(e, "collector", "storage_hot"), config_error=refused)
    return replace(e, tables=None, stream_drift=None, schema_drift=None)


def nats_config_invalid(e: Evidence) -> Evidence:
    return failed(nats_down(e), NATS, 'nats-server: /etc/nats/server.conf:1:2: unknown field "lissten"')


def not_executable(e: Evidence) -> Evidence:
    found = ("/srv/marketprism/scripts/one_click_deploy.sh has mode 644",)
    return replace(e, clone=replace(e.clone, not_executable=found))


def no_sudo(e: Evidence) -> Evidence:
    return replace(e, clone=replace(e.clone, sudo_error="sudo is not installed, and this is not root"))


def old_python(e: Evidence) -> Evidence:
    return replace(e, clone=replace(e.clone, pythons={"python3": (3, 9)}))


def cold(e: Evidence, since: float = NOW - 86_400, **details: Any) -> Evidence:
    """Cold storage is installed; with details that are wrong it is not healthy."""
    face = Face(url="http://a:8086/health", status=503 if details else 200, body={"details": details})
    units = {**(e.units or {}), COLD: Unit(name=COLD, since=since)}
    return replace(e, units=units, faces={**e.faces, "storage_cold": face})


def nats_unwell(e: Evidence, said: str = "JetStream stream '$G > MARKET_DATA' is not current") -> Evidence:
    return answering(e, "nats_monitor", 503, {"status": "unavailable", "error": said})


FAULTS: dict[str, tuple[Fault, ...]] = {
    "script-not-executable": (not_executable,),
    "missing-sudo": (no_sudo,),
    "python-too-old": (old_python,),
    "nats-down": (nats_down,),
    "clickhouse-down": (clickhouse_down,),
    "storage-down": (storage_down,),
    "collector-down": (collector_down, frozen_collector),
    "no-data": (no_data,),
    "stale-data": (silent_exchange,),
    "orderbooks-empty": (books_empty,),
    "memory-pressure": (memory_short, oom_killed),
    "cpu-saturated": (cpu_full,),
    "exchange-blocked": (blocked,),
    "websocket-flapping": (flapping,),
    "disk-full": (disk, nats_disk_full),
    "port-taken": (port_taken,),
    "clock-skew": (skewed,),
    "jetstream-corrupt": (corrupt,),
    "stream-full": (stream_full,),
    "stream-drift": (consumer_missing, stream_config),
    "schema-drift": (table_missing,),
    "dead-letters": (dead_letters,),
    "sequence-gaps": (gaps,),
    "consumer-stuck": (stuck,),
    "clickhouse-readonly": (readonly,),
    "too-many-parts": (parts,),
    "backup-too-old": (backup_old,),
    "dns-failure": (dns,),
    "config-invalid": (config_invalid, nats_config_invalid),
}
"""What each problem looks like, with everything that it brings about."""
