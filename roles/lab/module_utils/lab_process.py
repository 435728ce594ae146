"""A machine's processes: found by its root directory, started detached, ended in order."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from ansible.module_utils.lab_host import LabError, run

CGROUPS = tuple(Path("/sys/fs/cgroup") / name for name in ("systemd", "unified", "."))
HOST_HAS_SYSTEMD = Path("/run/systemd/system").is_dir()
STOP_SECONDS = 20


def _processes() -> Iterator[Path]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            yield entry


def runners(state: Path) -> list[int]:
    """Return the processes on this computer that run the machine of ``state``: runner, nspawn."""
    found = []
    for entry in _processes():
        argv = _argv(int(entry.name)).decode(errors="replace").split("\0")
        nspawn = argv[0].endswith("systemd-nspawn") and f"--directory={state}/rootfs" in argv
        if nspawn or (str(state) in argv and f"{state}/run-machine.sh" in argv):
            found.append(int(entry.name))
    return sorted(found)


def supervised(state: Path) -> bool:
    """Whether the runner itself is there, without which a machine could not reboot."""
    return any(b"run-machine.sh" in _argv(pid) for pid in runners(state))


def _argv(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def leaders(state: Path) -> list[int]:
    """Return the machine's PID 1 as this computer numbers it.

    It is the first process of a PID namespace whose root directory is the machine's tree; that
    also finds a machine whose nspawn was killed.
    """
    try:
        root = (state / "rootfs").stat()
    except OSError:
        return []
    found = []
    for entry in _processes():
        with contextlib.suppress(OSError):
            status = (entry / "status").read_text()
            numbers = next(line for line in status.splitlines() if line.startswith("NSpid:")).split()[1:]
            if len(numbers) < 2 or numbers[-1] != "1":
                continue
            seen = (entry / "root").stat()
            if (seen.st_ino, seen.st_dev) == (root.st_ino, root.st_dev):
                found.append(int(entry.name))
    return found


def inside(leader: int, *argv: str) -> subprocess.CompletedProcess[str]:
    """Run a command in all namespaces of a running machine; its result is not checked."""
    enter = ["nsenter", f"--target={leader}", "--mount", "--uts", "--ipc", "--net", "--pid", "--root", "--wd=/"]
    return run([*enter, "--", *argv], check=False, timeout=30)


def start(name: str, state: Path) -> None:
    """Start the runner so that it outlives Ansible, the terminal and the login session."""
    argv = [f"{state}/run-machine.sh", name, str(state)]
    log = state / "console.log"
    log.write_bytes(b"")
    if HOST_HAS_SYSTEMD:
        options = ["Type=exec", "Delegate=yes", "KillMode=mixed", "TasksMax=infinity", f"StandardOutput=append:{log}"]
        properties = [f"--property={option}" for option in options]
        unit = f"marketprism-lab-{name}.service"
        run(["systemctl", "reset-failed", unit], check=False)
        run(["systemd-run", "--quiet", "--collect", f"--unit={unit}", *properties, *argv])
        return
    with log.open("ab") as output:
        subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd="/",
            start_new_session=True,
        )


def wait_for_leader(state: Path, timeout: float) -> int:
    """Return the machine's PID 1 once there is one.

    Raises:
        LabError: with the end of the console when the machine ends or does not come up.
    """
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        found = leaders(state)
        if found:
            return found[0]
        time.sleep(0.2)
        if not runners(state) and not leaders(state):
            break
    raise LabError(f"the machine did not start; its console says:\n{console_tail(state)}")


def console_tail(state: Path) -> str:
    """Return the last lines that the machine printed."""
    try:
        return "\n".join((state / "console.log").read_text(errors="replace").splitlines()[-15:])
    except OSError:
        return "(nothing)"


def wait_for_boot(state: Path, timeout: float) -> str:
    """Wait until systemd in the machine has finished starting; returns ``running`` or ``degraded``.

    Raises:
        LabError: when it is still starting after ``timeout`` seconds, with the jobs it waits for.
    """
    deadline = time.monotonic() + timeout
    leader = wait_for_leader(state, timeout)
    while time.monotonic() < deadline:
        answer = inside(leader, "systemctl", "is-system-running").stdout.strip()
        if answer in ("running", "degraded"):
            return answer
        time.sleep(0.2)
        leader = wait_for_leader(state, 10)
    jobs = inside(leader, "systemctl", "list-jobs", "--no-legend").stdout.strip()
    raise LabError(f"systemd is still {answer or 'silent'} after {timeout:.0f} s; jobs: {jobs or 'none'}")


def failed_units(state: Path) -> list[str]:
    """Return the names of the units that failed in a running machine."""
    found = leaders(state)
    if not found:
        return []
    listing = inside(found[0], "systemctl", "--failed", "--no-legend", "--plain").stdout
    return [line.split()[0] for line in listing.splitlines() if line.strip()]


def swap_off(root: Path) -> list[str]:
    """Switch off swap files that lie in the machine's tree; swap belongs to the host's kernel.

    ``/proc/swaps`` shows them as the machine named them, so each name is tried inside the tree;
    the kernel compares the file itself and refuses those of other machines.
    """
    done = []
    for line in Path("/proc/swaps").read_text().splitlines()[1:]:
        shown = line.split()[0].replace("\\040", " ")
        candidates = {shown} if shown.startswith(f"{root}/") else {str(root) + shown}
        done += [file for file in candidates if Path(file).is_file() and _swapoff(file)]
    return done


def _swapoff(file: str) -> bool:
    return run(["swapoff", file], check=False, timeout=300).returncode == 0


def stop(name: str, state: Path) -> bool:
    """End the machine: swap, then its PID 1 (which ends all it has), then nspawn and the runner.

    Returns:
        Whether anything had to be ended.

    Raises:
        LabError: when a process is left after ``STOP_SECONDS``.
    """
    worked = bool(swap_off(state / "rootfs"))
    deadline = time.monotonic() + STOP_SECONDS
    first = True
    while True:
        left = runners(state) + leaders(state)
        if not left:
            break
        worked = True
        if time.monotonic() > deadline:
            raise LabError(f"processes {left} of {name} do not end; end them, then run this again")
        # The runner goes with its machine unless that is just rebooting; then it has to be ended too.
        for pid in leaders(state) if first else left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        first = False
        time.sleep(0.5)
    _forget(name, state / "rootfs")
    return worked


def _forget(name: str, root: Path) -> None:
    """Remove what a killed nspawn leaves in /run and the control groups of the machine."""
    for directory in ("propagate", "unix-export"):
        with contextlib.suppress(OSError):
            (Path("/run/systemd/nspawn") / directory / name).rmdir()
    locks = [f"name-{name}"]
    if root.is_dir():
        seen = root.stat()
        locks.append(f"inode-{seen.st_dev}:{seen.st_ino}")
    for lock in locks:
        (Path("/run/systemd/nspawn/locks") / lock).unlink(missing_ok=True)
    for hierarchy in CGROUPS:
        top = hierarchy / "marketprism-lab"
        for group in sorted((top / name).rglob("*"), reverse=True) if (top / name).is_dir() else []:
            if group.is_dir():
                with contextlib.suppress(OSError):
                    group.rmdir()
        for group in (top / name, top):
            with contextlib.suppress(OSError):
                group.rmdir()
