"""What the host itself lacks: memory, processor time, disk space, the right time, a fresh backup."""

from collections.abc import Iterator

from marketprism.ops.doctor.catalogue import PROBLEMS
from marketprism.ops.doctor.evidence import Cpu, Disk, Eater, Evidence, Memory, Unit
from marketprism.ops.doctor.findings import Certainty, Finding
from marketprism.ops.doctor.rules.services import SERVICES

GIB = 1024**3
MEMORY_FREE_SHARE = 0.06
MEMORY_STALLED_PERCENT = 10.0
"""Time in which every task waited for memory; a sound host shows 0."""
UNIT_FULL_SHARE = 0.97
CPU_IDLE_SHARE = 0.05
CPU_WAITING_10S, CPU_WAITING_60S = 80.0, 60.0
"""Both, so that neither a short burst nor the memory of one is taken for saturation."""
CPU_LOAD_PER_PROCESSOR = 1.5
CPU_OWN_SHARE = 0.5
"""A container or a virtual machine shares its processors; what others take is not lowered here."""
DISK_FREE_SHARE, DISK_FREE_BYTES = 0.05, 5 * GIB
DISK_LAST_SHARE = 0.02
INODES_FREE_SHARE = 0.02
CLOCK_SKEW_SECONDS = 1.0
BACKUP_SECONDS = 26 * 3600.0
_NO_SPACE = "no space left on device"
_KILLED_SECONDS, _COMPLAINT_SECONDS = 300.0, 60.0
"""How long a kill counts, and a complaint: whose disk is full complains at every write."""

_DISK_USERS = {
    "/var/lib/nats": frozenset({"nats-down", "stream-full"}),
    "/var/lib/clickhouse": frozenset(
        {"clickhouse-down", "clickhouse-readonly", "too-many-parts", "consumer-stuck", "stream-full"}
    ),
    "/var/lib/marketprism": frozenset({"collector-down", "storage-down"}),
}
"""What a full disk below a path brings about; the symptoms at the end come on top."""


def disk_full(evidence: Evidence) -> Iterator[Finding]:
    """Find data paths without room for data or for files."""
    full = [disk for disk in evidence.disks if is_full(disk)]
    sentences = [f"{disk.path}: {_room(disk)}" for disk in full]
    users = frozenset[str]().union(*(_DISK_USERS.get(disk.path, frozenset()) for disk in full))
    symptoms = PROBLEMS["disk-full"].consequences & {"no-data", "stale-data", "orderbooks-empty", "backup-too-old"}
    traces = [
        f"{unit.name}: {text[:300]}"
        for unit in (evidence.units or {}).values()
        for text in _said(unit, evidence.now - _COMPLAINT_SECONDS)
        if _NO_SPACE in text.lower()
    ][-2:]
    if full:
        yield Finding(problem="disk-full", evidence=(*sentences, *traces), consequences=users | symptoms)
    elif traces:  # a quota, or a disk that has room again
        yield Finding(problem="disk-full", evidence=tuple(traces), certainty=Certainty.LIKELY)


def is_full(disk: Disk) -> bool:
    """Tell whether a disk has too little room to go on."""
    share = disk.available / disk.total if disk.total else 1.0
    return (
        share < DISK_LAST_SHARE
        or (share < DISK_FREE_SHARE and disk.available < DISK_FREE_BYTES)
        or disk.inodes_free < INODES_FREE_SHARE
    )


def _room(disk: Disk) -> str:
    if disk.inodes_free < INODES_FREE_SHARE:
        return f"{disk.inodes_free:.1%} of the inodes are free"
    share = disk.available / disk.total if disk.total else 0.0
    return f"{disk.available / GIB:.2f} GiB of {disk.total / GIB:.1f} GiB are free ({share:.1%})"


def memory_pressure(evidence: Evidence) -> Iterator[Finding]:
    """Find a host that is short of memory, services at their limit, and services that were killed for it."""
    down = {service.unit: service.problem for service in SERVICES}
    killed = [unit for unit in (evidence.units or {}).values() if was_killed(unit, evidence.now)]
    sentences = [f"{unit.name} was killed: out of memory" for unit in killed]
    sentences += [_at_limit(unit) for unit in (evidence.units or {}).values() if is_at_limit(unit)]
    memory = evidence.memory
    short = memory is not None and is_short(memory)
    if memory is not None and (short or sentences):
        sentences.append(
            f"{memory.available / GIB:.2f} GiB of {memory.total / GIB:.1f} GiB are available,"
            f" every task waited for memory in {memory.stalled_10s:.0f} % of the last 10 s"
        )
    if killed or short or any(is_at_limit(unit) for unit in (evidence.units or {}).values()):
        eaters = sorted(evidence.eaters, key=lambda eater: -eater.memory_bytes)[:3]
        sentences += [f"{_named(eater)} holds {eater.memory_bytes / GIB:.2f} GiB" for eater in eaters]
        consequences = PROBLEMS["memory-pressure"].consequences | {
            down[unit.name] for unit in killed if unit.name in down
        }
        yield Finding(problem="memory-pressure", evidence=tuple(sentences), consequences=consequences)


def was_killed(unit: Unit, now: float) -> bool:
    """Tell whether a unit was killed for its memory a short time ago."""
    lines = _said(unit, now - _KILLED_SECONDS)
    return unit.result == "oom-kill" or any("oom-kill" in text or "OOM killer" in text for text in lines)


def _said(unit: Unit, since: float) -> list[str]:
    """Return what a unit said since then; since its start, where that was by hand or by a repair."""
    if unit.state == "active" and not unit.restarts:
        since = max(since, unit.since or 0.0)
    return [line.text for line in unit.lines if line.seconds >= since]


def is_short(memory: Memory) -> bool:
    """Tell whether the host as a whole is short of memory."""
    stalled = memory.stalled_10s > MEMORY_STALLED_PERCENT and memory.stalled_60s > MEMORY_STALLED_PERCENT / 2
    return stalled or memory.available < memory.total * MEMORY_FREE_SHARE


def is_at_limit(unit: Unit) -> bool:
    """Tell whether a unit has used up what it may use."""
    return (
        unit.memory_bytes is not None
        and unit.memory_limit_bytes is not None
        and unit.memory_bytes > unit.memory_limit_bytes * UNIT_FULL_SHARE
    )


def _at_limit(unit: Unit) -> str:
    held, limit = (unit.memory_bytes or 0) / GIB, (unit.memory_limit_bytes or 0) / GIB
    return f"{unit.name} holds {held:.2f} GiB of the {limit:.2f} it may"


def cpu_saturated(evidence: Evidence) -> Iterator[Finding]:
    """Find processors that have had more to do than they can, for a while, by processes of this host."""
    cpu = evidence.cpu
    if cpu is None or not is_saturated(cpu) or (cpu.used is not None and cpu.used < cpu.count * CPU_OWN_SHARE):
        return
    eaters = sorted(evidence.eaters, key=lambda eater: -eater.cpu)[:3]
    yield Finding(
        problem="cpu-saturated",
        evidence=(
            f"{cpu.count} processors are {cpu.idle:.0%} idle, load {cpu.load:.1f}",
            *([f"tasks waited in {cpu.waiting_60s:.0f} % of the last minute"] if cpu.waiting_60s is not None else []),
            *(f"{_named(eater)} uses {eater.cpu:.1f} processors" for eater in eaters),
        ),
    )


def is_saturated(cpu: Cpu) -> bool:
    """Tell whether there is no idle time left and tasks have waited for a minute."""
    if cpu.idle >= CPU_IDLE_SHARE or cpu.load <= cpu.count * CPU_LOAD_PER_PROCESSOR:
        return False
    if cpu.waiting_10s is None or cpu.waiting_60s is None:
        return True  # the load is an average of the last minute too
    return cpu.waiting_10s > CPU_WAITING_10S and cpu.waiting_60s > CPU_WAITING_60S


def _named(eater: Eater) -> str:
    return f"process {eater.pid} ({eater.command[:80]})"


def clock_skew(evidence: Evidence) -> Iterator[Finding]:
    """Find a clock that most exchanges contradict; one exchange alone may be wrong itself."""
    known = {
        name: float(venue["clock_skew_seconds"])
        for name, venue in evidence.venues().items()
        if isinstance(venue.get("clock_skew_seconds"), int | float)
    }
    off = {name: skew for name, skew in known.items() if abs(skew) > CLOCK_SKEW_SECONDS}
    ahead = sum(skew > 0 for skew in off.values())
    if not off or len(off) * 2 <= len(known) or ahead not in {0, len(off)}:
        return
    words = "ahead of" if ahead else "behind"
    yield Finding(
        problem="clock-skew",
        evidence=tuple(f"our clock is {abs(skew):.2f} s {words} that of {name}" for name, skew in off.items()),
        certainty=Certainty.SURE if len(off) > 1 else Certainty.LIKELY,
    )


def backup_too_old(evidence: Evidence) -> Iterator[Finding]:
    """Find a backup that was not made in time."""
    if evidence.backup_age is not None and evidence.backup_age > BACKUP_SECONDS:
        yield Finding(
            problem="backup-too-old",
            evidence=(
                f"no backup was made for {evidence.backup_age / 3600:.1f} h, limit {BACKUP_SECONDS / 3600:.0f} h",
            ),
        )
