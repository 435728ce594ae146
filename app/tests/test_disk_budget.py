"""The disk that preflight asks for: what the configured symbols write in a day, for as long as it is kept."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from marketprism.contract.venues import VENUES

CLONE = Path(__file__).parents[2]
CONTRACT = {"venues": {name: {"enabled": True, "symbols": venue.symbols} for name, venue in VENUES.items()}}
SYMBOLS = sum(len(venue.symbols) for venue in VENUES.values())


def budget(**inventory: Any) -> float:
    """Let Ansible compute what the playbooks hand to preflight."""
    variables = json.dumps({"marketprism_contract": CONTRACT} | inventory)
    command = ["-i", "localhost,", "localhost", "--connection=local", "-m", "ansible.builtin.debug"]
    command += ["-a", "var=marketprism_disk_gb", "-e", f"@{CLONE}/playbooks/group_vars/all.yml", "-e", variables]
    ansible = Path(sys.executable).with_name("ansible")
    done = subprocess.run([ansible, *command], capture_output=True, text=True, check=True, cwd=CLONE)
    return float(done.stdout.rpartition("marketprism_disk_gb: ")[2])


@pytest.mark.parametrize(
    ("inventory", "gigabytes"),
    [
        ({}, 8 + SYMBOLS * 0.3 * 7),
        ({"marketprism_hot_days": 2, "marketprism_gb_per_symbol_day": 1}, 8 + SYMBOLS * 2),
        ({"marketprism_cold_enabled": True}, 8 + SYMBOLS * 0.3 * (7 + 365)),
        (
            {"marketprism_cold_enabled": True, "marketprism_cold_server": {"host": "203.0.113.11"}},
            8 + SYMBOLS * 0.3 * 7,
        ),
        (
            {"marketprism_venues": {"deribit": {"enabled": False}, "okx-spot": {"symbols": ["BTC-USDT"]}}},
            8 + (SYMBOLS - len(VENUES["deribit"].symbols) - len(VENUES["okx-spot"].symbols) + 1) * 0.3 * 7,
        ),
    ],
    ids=["default", "denser-and-shorter", "cold-on-the-same-disk", "cold-elsewhere", "fewer-symbols"],
)
def test_the_budget_follows_symbols_and_retention(inventory: dict[str, Any], gigabytes: float) -> None:
    assert budget(**inventory) == pytest.approx(gigabytes, abs=0.05)
