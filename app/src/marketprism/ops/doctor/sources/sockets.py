"""Who listens on which port, by /proc/net/tcp and the open files of the processes, as ``ss -ltnp`` finds it."""

import os
from collections.abc import Collection
from pathlib import Path

from marketprism.ops.doctor.evidence import Listener
from marketprism.ops.doctor.sources.kernel import command

_LISTEN = "0A"


def listeners(ports: Collection[int], proc: Path = Path("/proc")) -> tuple[Listener, ...]:
    """Return who listens on any of the ports; without root only our own processes are named."""
    inodes = _listening(ports, proc)
    owners = _owners({inode for _, inode in inodes}, proc)
    found: dict[tuple[int, int | None], Listener] = {}
    for port, inode in inodes:
        pid = owners.get(inode)
        if pid is None:
            found[port, pid] = Listener(port=port)
        else:
            process = proc / str(pid)
            found[port, pid] = Listener(port=port, pid=pid, command=command(process), unit=unit(process))
    return tuple(found.values())


def _listening(ports: Collection[int], proc: Path) -> list[tuple[int, str]]:
    found = []
    for table in ("tcp", "tcp6"):
        try:
            lines = (proc / "net" / table).read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            port = int(fields[1].rpartition(":")[2], 16)
            if fields[3] == _LISTEN and port in ports:
                found.append((port, fields[9]))
    return found


def _owners(inodes: set[str], proc: Path) -> dict[str, int]:
    """Find the processes that hold sockets; stops as soon as all are found."""
    owners: dict[str, int] = {}
    for process in proc.iterdir():
        if len(owners) == len(inodes):
            break
        if not process.name.isdigit():
            continue
        try:
            files = list((process / "fd").iterdir())
        except OSError:  # ended, or not ours to look at
            continue
        for file in files:
            try:
                target = os.readlink(file)  # noqa: PTH115 - Path.readlink makes a path of what is none
            except OSError:
                continue
            inode = target.removeprefix("socket:[").removesuffix("]")
            if inode in inodes:
                owners[inode] = int(process.name)
    return owners


def unit(process: Path) -> str:
    """Return the service that a process belongs to by its control group; empty outside of any."""
    try:
        lines = (process / "cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    for line in lines:
        for part in reversed(line.rpartition(":")[2].split("/")):
            if part.endswith(".service"):
                return part
    return ""
