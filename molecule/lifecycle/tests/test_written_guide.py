"""docs/operations.md as it is written: every fenced command, in its order, from a clone of its own, on one machine."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from testinfra.host import Host

ROOT = Path(os.environ["MOLECULE_PROJECT_DIRECTORY"])
EPHEMERAL = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"])
INVENTORY = "mp-lifecycle"
STATE = EPHEMERAL / "state" / INVENTORY
BACKUPS = "/srv/backup"
GUIDE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
COMMANDS = [line for block in re.findall(r"```bash\n(.*?)```", GUIDE, re.DOTALL) for line in block.splitlines()]
SCRIPT = "scripts/manage_all.sh"
SAYS = {
    f"{SCRIPT} status": "marketprism-collector.service",
    f"{SCRIPT} health": "healthy",
    f"{SCRIPT} diagnose": "exchange → ✔ socket",
    f"{SCRIPT} logs marketprism-collector --lines 50": "marketprism-collector.service",
    f"{SCRIPT} logs --follow": ".service[",
    f"{SCRIPT} fix nats-down": "nats-down",
    f"{SCRIPT} repair --check": "Install the application",
    f"{SCRIPT} repair": "Wait until rows arrive",
    f"{SCRIPT} restart": "Wait until rows arrive",
    f"{SCRIPT} backup": "Back up tables and streams",
    f"{SCRIPT} drill": "Rehearse the restoration of a backup",
    f"{SCRIPT} integrity": "Apply the contract",
    "systemctl list-timers": "marketprism-drill.timer",
    "journalctl -u marketprism-backup": "",
    "marketprism audit --since 24h": "everything agrees",
    "df -h": "Filesystem",
    f"{SCRIPT} rotate-secrets": "Wait until rows arrive",
    f"{SCRIPT} upgrade --check": "Upgrade servers and application",
    f"{SCRIPT} upgrade": "Upgrade servers and application",
    f"{SCRIPT} rollback": "Go back to the previous release",
    f"{SCRIPT} diagnose --json": '"verdict": ',
    f"{SCRIPT} support-bundle": "Collect what a helper asks for",
    f"{SCRIPT} stop": "Stop the services",
    f"{SCRIPT} restore": "-e marketprism_confirm_restore=yes keeps it under other names",
    f"{SCRIPT} restore -e backup_id=20261124T020000Z -e marketprism_confirm_restore=yes": "Restore tables and streams",
    f"{SCRIPT} init": "Wait until rows arrive",
    "marketprism backfill --gaps": "",
    f"{SCRIPT} clean -e marketprism_confirm_uninstall=yes": "Take the installation away",
}
"""What each command prints."""
CODES = {
    f"{SCRIPT} restore": {2},
    "marketprism backfill --gaps": {0, 3},
    f"{SCRIPT} diagnose": {0, 1},
    f"{SCRIPT} diagnose --json": {0, 1},
}
"""Exit codes of those that do not always succeed: over data without the word; and after other tests have stopped
everything, what the exchange no longer has."""
FOLLOWED_SECONDS = 15


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone with the inventory and the secrets of the scenario; it installs what is missing on the machine."""
    place = tmp_path_factory.mktemp("clone") / "marketprism"
    shutil.copytree(
        ROOT, place, symlinks=True, ignore=shutil.ignore_patterns(".git", ".state", ".venv", ".*_cache", "__pycache__")
    )
    (place / ".venv").symlink_to((ROOT / ".venv").resolve())
    shutil.copytree(EPHEMERAL / "inventory", place / "inventories" / INVENTORY)
    (place / ".state").mkdir(mode=0o700)
    (place / ".state" / INVENTORY).symlink_to(STATE)
    (place / ".state" / "client.yml").symlink_to(f"{INVENTORY}/client.yml")
    done = run(place, f"{SCRIPT} init")
    assert done.returncode == 0, done.stdout + done.stderr
    return place


def run(clone: Path, command: str, seconds: float = 900) -> subprocess.CompletedProcess[str]:
    """Run a command as an operator does who has just opened a terminal."""
    environ = {name: os.environ[name] for name in ("HOME", "PATH")}
    return subprocess.run(
        ["bash", "-c", command], cwd=clone, env=environ, capture_output=True, text=True, check=False, timeout=seconds,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip


def follow(clone: Path, command: str) -> str:
    try:
        return run(clone, command, FOLLOWED_SECONDS).stdout
    except subprocess.TimeoutExpired as ended:
        return (ended.stdout or b"").decode()


def make_it_newer(clone: Path) -> None:
    """Let the clone hold another release, as one does that was fetched."""
    project = clone / "app" / "pyproject.toml"
    project.write_text(re.sub(r"(?m)^version = .*", 'version = "0.1.9"', project.read_text()))


def newest_backup(host: Host) -> str:
    return Path(host.check_output(f"ls {BACKUPS}/*.json").split()[-1]).stem


@pytest.mark.parametrize("place", range(len(COMMANDS)), ids=lambda place: f"{place:02}-{COMMANDS[place]}")
def test_the_guide_works_as_it_is_written(host: Host, clone: Path, place: int) -> None:
    command = COMMANDS[place]
    if command == f"{SCRIPT} upgrade --check":
        make_it_newer(clone)
    if command == f"{SCRIPT} fix nats-down":
        host.check_output("systemctl stop nats-server")
    if command.endswith("--follow"):
        assert SAYS[command] in follow(clone, command)
        return
    if command.startswith(SCRIPT):
        typed = re.sub(r"(?<=backup_id=)\w+", lambda _: newest_backup(host), command)
        done = run(clone, typed)
        code, said = done.returncode, done.stdout + done.stderr
    else:
        answer = host.run(command)
        code, said = answer.rc, answer.stdout + answer.stderr
    assert code in CODES.get(command, {0}), said
    assert SAYS[command] in " ".join(said.split()), said
