"""The commands of the operator's guide that look and do not change anything, and the earlier guide's line for cron.

Those that change something need minutes: molecule/lifecycle runs the whole guide in its order.
"""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.lab.conftest import CLONE, run

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("lab")]

SAYS = {
    "scripts/manage_all.sh status": "marketprism-collector.service",
    "scripts/manage_all.sh health": "healthy",
    "scripts/manage_all.sh diagnose": "healthy: every hop carries data",
    "scripts/manage_all.sh diagnose --json": '"verdict": "healthy"',
    "scripts/manage_all.sh logs marketprism-collector --lines 50": "marketprism-collector.service",
    "scripts/manage_all.sh logs --follow": ".service[",
    "scripts/manage_all.sh integrity": "Apply the contract",
    "scripts/manage_all.sh support-bundle": "Collect what a helper asks for",
    "systemctl list-timers": "marketprism-health-full.timer",
    "journalctl -u marketprism-backup": "No entries",
    "marketprism audit --since 24h": "everything agrees",
    "df -h": "Filesystem",
}
"""What each of them prints on a lab that was just deployed and names no directory for backups."""
FOLLOWED_SECONDS = 10
CRON = '0 * * * * {scripts}/manage_all.sh health || echo "MarketPrism 健康检查失败" | mail -s "Alert" your@email.com'


def on_the_host(command: str) -> str:
    return f".venv/bin/ansible -i inventories/lab marketprism -m ansible.builtin.command -a '{command}'"


@pytest.mark.parametrize("command", SAYS)
def test_a_command_of_the_guide_says_what_it_is_for(command: str) -> None:
    is_here = command.startswith("scripts/")
    if command.endswith("--follow"):
        try:
            said = run(command, FOLLOWED_SECONDS).stdout
        except subprocess.TimeoutExpired as ended:
            said = (ended.stdout or b"").decode()
    else:
        done = run(command if is_here else on_the_host(command))
        assert done.returncode == 0, done.stdout + done.stderr
        said = done.stdout
    assert SAYS[command] in said


@contextmanager
def stopped(unit: str) -> Iterator[None]:
    assert run(on_the_host(f"systemctl stop {unit}")).returncode == 0
    try:
        yield
    finally:
        run(on_the_host(f"systemctl start {unit}"))


def test_the_earlier_guides_line_for_cron_mails_when_health_fails_and_not_before(tmp_path: Path) -> None:
    """Run as cron does: from elsewhere, with hardly any environment, and with sh."""
    mail = tmp_path / "mail"
    mail.write_text(f'#!/bin/sh\n{{ echo "$@"; cat; }} > {tmp_path}/sent\n')
    mail.chmod(0o755)
    line = CRON.format(scripts=CLONE / "scripts").split(maxsplit=5)[5]

    def cron() -> str:
        environ = {"HOME": "/root", "LOGNAME": "root", "SHELL": "/bin/sh", "PATH": f"{tmp_path}:/usr/bin:/bin"}
        subprocess.run(["/bin/sh", "-c", line], cwd="/", env=environ, check=False, timeout=60, capture_output=True)
        return (tmp_path / "sent").read_text() if (tmp_path / "sent").exists() else ""

    assert cron() == ""
    with stopped("marketprism-storage@hot"):  # what it misses it reads afterwards
        assert cron() == "-s Alert your@email.com\nMarketPrism 健康检查失败\n"
