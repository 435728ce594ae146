"""Memory, processors and disks, as the kernel tells them under /proc, without a program or special rights."""

import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from marketprism.ops.doctor.evidence import Cpu, Disk, Eater, Memory

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_IDLE_FIELDS = (3, 4)
"""Of the line ``cpu`` in /proc/stat: idle and waiting for input or output."""


@dataclass(frozen=True, slots=True)
class Ticks:
    """A moment: processor time that has passed and that was idle, and of each process, by its id."""

    total: int
    idle: int
    processes: dict[int, int]
    seconds: float


def memory(proc: Path = Path("/proc")) -> Memory:
    """Read the host's memory."""
    values = {}
    for line in (proc / "meminfo").read_text(encoding="ascii").splitlines():
        key, _, rest = line.partition(":")
        values[key] = int(rest.split()[0]) * 1024
    stalled = _pressure(proc / "pressure" / "memory", "full")
    return Memory(
        total=values["MemTotal"],
        available=values["MemAvailable"],
        stalled_10s=stalled.get("avg10", 0.0),
        stalled_60s=stalled.get("avg60", 0.0),
    )


def _pressure(path: Path, kind: str) -> dict[str, float]:
    """Read one line of pressure stall information; empty on a kernel without it."""
    try:
        lines = path.read_text(encoding="ascii").splitlines()
    except OSError:
        return {}
    for line in lines:
        name, *pairs = line.split()
        if name == kind:
            return {key: float(value) for key, _, value in (pair.partition("=") for pair in pairs)}
    return {}


def ticks(proc: Path = Path("/proc"), *, processes: bool = False) -> Ticks:
    """Read the processor times of this moment, on demand those of every process too."""
    fields = [int(field) for field in (proc / "stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:9]]
    of_each = {}
    for entry in proc.iterdir() if processes else ():
        if entry.name.isdigit():
            stat = _stat(entry)
            if stat:
                of_each[int(entry.name)] = int(stat[11]) + int(stat[12])
    return Ticks(sum(fields), sum(fields[i] for i in _IDLE_FIELDS), of_each, time.monotonic())


def _stat(process: Path) -> list[str]:
    """Return the fields after the command's name, which may hold anything; empty when the process has ended."""
    try:
        return (process / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return []


def cpu(before: Ticks, after: Ticks, proc: Path = Path("/proc")) -> Cpu:
    """Compare two moments."""
    passed = after.total - before.total
    waiting = _pressure(proc / "pressure" / "cpu", "some")
    return Cpu(
        count=os.cpu_count() or 1,
        idle=(after.idle - before.idle) / passed if passed > 0 else 1.0,
        load=float((proc / "loadavg").read_text(encoding="ascii").split()[0]),
        waiting_10s=waiting.get("avg10"),
        waiting_60s=waiting.get("avg60"),
    )


def eaters(before: Ticks, after: Ticks, proc: Path = Path("/proc"), count: int = 3) -> tuple[Eater, ...]:
    """Name the processes that took the most processor time between two moments, or hold the most memory."""
    seconds = max(after.seconds - before.seconds, 0.001)
    found = []
    for pid, used in after.processes.items():
        stat = _stat(proc / str(pid))
        if stat:
            share = (used - before.processes.get(pid, used)) / _TICKS / seconds
            found.append((share, int(stat[21]) * _PAGE, pid))
    chosen = {*sorted(found, reverse=True)[:count], *sorted(found, key=lambda f: -f[1])[:count]}
    return tuple(
        Eater(pid=pid, command=command(proc / str(pid)), cpu=share, memory_bytes=held) for share, held, pid in chosen
    )


def used(before: Ticks, after: Ticks) -> float:
    """Return how many processors all processes of this host took between two moments."""
    seconds = max(after.seconds - before.seconds, 0.001)
    spent = sum(ticks - before.processes.get(pid, ticks) for pid, ticks in after.processes.items())
    return spent / _TICKS / seconds


def command(process: Path) -> str:
    """Return a process's command line; a kernel thread has none and shows its name."""
    try:
        line = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        return line or (process / "comm").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return "ended"


def disks(paths: Iterable[Path], proc: Path = Path("/proc")) -> tuple[Disk, ...]:
    """Look at the file systems below the paths that exist."""
    found = []
    read_only = _read_only(proc)
    for path in paths:
        try:
            values = os.statvfs(path)
        except OSError:
            continue
        found.append(
            Disk(
                path=str(path),
                total=values.f_blocks * values.f_frsize,
                available=values.f_bavail * values.f_frsize,
                inodes_free=values.f_favail / values.f_files if values.f_files else 1.0,
                read_only=next((read_only[place] for place in (path, *path.parents) if place in read_only), False),
            )
        )
    return tuple(found)


def _read_only(proc: Path) -> dict[Path, bool]:
    """Tell of each mount point whether the file system itself is read-only, as one is after an error of its disk.

    The mount says nothing: in a unit with ``ProtectSystem=strict`` every mount is read-only. See proc(5), mountinfo.
    """
    found = {}
    for line in (proc / "self" / "mountinfo").read_text(encoding="utf-8", errors="surrogateescape").splitlines():
        mount, _, file_system = line.partition(" - ")
        place = mount.split()[4].encode(errors="surrogateescape").decode("unicode_escape")  # a space is \040
        found[Path(place)] = "ro" in file_system.split()[2].split(",")
    return found
