"""The lab, deployed with the README's first command and taken away again."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

CLONE = Path(__file__).parents[3]
MACHINE = Path("/var/lib/marketprism-lab/marketprism-lab")
DEPLOY = "./scripts/one_click_deploy.sh --fresh"
DEPLOY_SECONDS = 900


def run(command: str, seconds: float = 120) -> subprocess.CompletedProcess[str]:
    """Run a command line of the README from the clone's root, as a user without a terminal."""
    return subprocess.run(
        ["bash", "-c", command], cwd=CLONE, capture_output=True, text=True, timeout=seconds, stdin=subprocess.DEVNULL,
        check=False,
    )  # fmt: skip


def ask(query: str) -> list[dict[str, Any]]:
    """Ask ClickHouse as the reader, from the clone."""
    command = [".venv/bin/marketprism", "sql", "--format", "json", query]
    done = subprocess.run(command, cwd=CLONE, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    rows: list[dict[str, Any]] = json.loads(done.stdout)["data"]
    return rows


@pytest.fixture(scope="session")
def lab() -> Iterator[str]:
    """Deploy, yield what was printed, and remove the machine."""
    if MACHINE.exists():
        pytest.skip("a lab is deployed on this computer already; its data is not touched")
    try:
        done = run(f"{DEPLOY} --lab", DEPLOY_SECONDS)
        assert done.returncode == 0, done.stdout + done.stderr
        yield done.stdout
    finally:
        run(".venv/bin/ansible-playbook -i inventories/lab playbooks/lab_destroy.yml -e lab_confirm_destroy=yes", 300)
