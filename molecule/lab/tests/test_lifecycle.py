"""A lab of its own network: it is interrupted, repaired, and leaves nothing behind.

Its bridge is not the one of the other scenarios, so that "the last machine" can be observed
while those are running.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(os.environ["MOLECULE_PROJECT_DIRECTORY"])
DIRECTORY = Path("/var/lib/marketprism-lab-lifecycle")
NAME = "mp-lab-cycle"
VARIABLES = {
    "lab_directory": str(DIRECTORY),
    "lab_bridge": "mplab9",
    "lab_gateway": "10.97.9.1/24",
    "lab_machines": [{"name": NAME, "address": "10.97.9.2"}],
}


def command(state: str, clone: str = "") -> list[str]:
    """Return the command line that brings the lab into a state."""
    variables = json.dumps({**VARIABLES, "lab_state": state, "lab_clone": clone})
    play = str(Path(__file__).parent.parent / "cycle.yml")
    return ["ansible-playbook", "-i", "localhost,", "-c", "local", "-e", variables, play]


def ansible(state: str, clone: str = "") -> subprocess.CompletedProcess[str]:
    """Try to bring the lab into a state."""
    plain = {**os.environ, "ANSIBLE_FORCE_COLOR": "0", "ANSIBLE_CALLBACK_RESULT_FORMAT": "json"}
    return subprocess.run(command(state, clone), capture_output=True, text=True, cwd=ROOT, env=plain, check=False)


def lab(state: str, clone: str = "") -> int:
    """Bring the lab into a state; returns the number of changed tasks."""
    result = ansible(state, clone)
    assert result.returncode == 0, result.stdout[-3000:]
    return int(result.stdout.rpartition("changed=")[2].split()[0])


def processes() -> dict[int, str]:
    """Return what runs for the machine on this computer, by process id."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            text = entry.read_bytes().decode(errors="replace").replace("\0", " ")
        except OSError:
            continue
        if f"{DIRECTORY}/" in text:
            found[int(entry.parent.name)] = text
    return found


def inside(*argv: str) -> str:
    """Run a command in the machine over ssh and return what it prints."""
    state = DIRECTORY / NAME
    options = ["-F", "none", "-i", f"{state}/id_ed25519", "-o", f"UserKnownHostsFile={state}/known_hosts"]
    result = subprocess.run(
        ["ssh", *options, "-o", "BatchMode=yes", "root@10.97.9.2", *argv],
        capture_output=True,
        text=True,
        check=True,
    )
    return result.stdout.strip()


def remains() -> list[str]:
    """Return everything of the machine and its network that this computer still knows."""
    shown = [*processes().values()]
    shown += [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if NAME in line]
    shown += [line for line in Path("/proc/swaps").read_text().splitlines() if "cycle" in line]
    paths = [DIRECTORY, Path("/run/netns") / NAME, Path("/sys/class/net/mplab9")]
    paths += [Path("/run/systemd/nspawn/propagate") / NAME, *Path("/sys/fs/cgroup").glob(f"*/marketprism-lab/{NAME}")]
    shown += [str(path) for path in paths if path.exists()]
    tables = subprocess.run(["nft", "list", "tables"], capture_output=True, text=True, check=True).stdout
    return shown + [line for line in tables.splitlines() if "mplab9" in line]


@pytest.fixture(autouse=True)
def clean() -> Iterator[None]:
    """Start from nothing and leave nothing, whatever the test does."""
    if remains():
        lab("absent")
    yield
    lab("absent")


def test_removal_leaves_nothing_behind() -> None:
    """Also with swap switched on by the machine, which is the host's."""
    assert lab("present") == 1
    inside("fallocate -l 16M /cycle.swap && chmod 600 /cycle.swap && mkswap -q /cycle.swap && swapon /cycle.swap")
    assert "/cycle.swap" in Path("/proc/swaps").read_text()
    assert len(remains()) > 5
    assert lab("absent") == 1
    assert remains() == []
    assert lab("absent") == 0


def test_a_foreign_directory_is_refused() -> None:
    """Neither a run nor a removal touches a directory without the lab's own record in it."""
    foreign = DIRECTORY / NAME / "rootfs"
    foreign.mkdir(parents=True)
    (foreign / "precious").write_text("kept")
    try:
        for state in ("present", "absent"):
            refusal = ansible(state)
            assert refusal.returncode != 0
            assert "the lab did not create it" in refusal.stdout + refusal.stderr
        assert [path.name for path in (DIRECTORY / NAME).rglob("*")] == ["rootfs", "precious"]
    finally:
        shutil.rmtree(DIRECTORY)


def test_a_running_machine_of_another_clone_is_refused(tmp_path: Path) -> None:
    """Two runs of one scenario would take the machine from under each other."""
    ours, theirs = (tmp_path / name for name in ("ours", "theirs"))
    for clone in (ours, theirs):
        clone.mkdir()
    lab("present", str(theirs))
    for state in ("present", "absent"):
        refusal = ansible(state, str(ours))
        assert refusal.returncode != 0
        assert f"the clone at {theirs} runs it; nothing was changed" in refusal.stdout + refusal.stderr
    assert inside("systemctl is-system-running") == "running"
    theirs.rmdir()
    assert lab("absent", str(ours)) == 1, "nobody is left there who could mind"


@pytest.mark.parametrize(
    ("make", "remove"),
    [
        ("ip netns add mp-lab-cycle", "ip netns delete mp-lab-cycle"),
        ("ip link add mplab9 type bridge", "ip link delete mplab9"),
    ],
    ids=["namespace", "bridge"],
)
def test_a_foreign_network_is_refused(make: str, remove: str) -> None:
    """A namespace or bridge of the same name stays as its owner made it."""
    subprocess.run(make.split(), check=True)
    try:
        refusal = ansible("present")
        assert refusal.returncode != 0
        assert "the lab did not create it" in refusal.stdout + refusal.stderr
        lab("absent")
    finally:
        subprocess.run(remove.split(), check=True)


def test_a_killed_machine_is_booted_again() -> None:
    """Whatever part of it was killed, the next run makes it whole and keeps its disk."""
    lab("present")
    inside("touch /root/kept")
    for victim in ("systemd-nspawn", "run-machine.sh", ""):
        for pid, text in processes().items():
            if victim in text.partition("--machine")[0]:
                os.kill(pid, signal.SIGKILL)
        time.sleep(1)
        assert lab("present") == 1, victim
        assert inside("ls /root/kept; systemctl is-system-running") == "/root/kept\nrunning"
    assert lab("present") == 0


def test_a_run_killed_at_any_moment_can_be_repeated() -> None:
    """Everything Ansible had started gets kill -9, a little later each time."""
    for delay in (1.2, 2.0, 2.8, 3.6):
        with subprocess.Popen(command("present"), stdout=subprocess.DEVNULL, cwd=ROOT, start_new_session=True) as run:
            time.sleep(delay)
            os.killpg(run.pid, signal.SIGKILL)
    lab("present")
    assert inside("systemctl is-system-running") == "running"
    assert lab("present") == 0
