"""What must hold after every scenario, whatever its role."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from testinfra.host import Host


def test_scenario_has_tests_of_its_own(request: pytest.FixtureRequest) -> None:
    """Molecule calls a verify step without a single test successful; this one does not."""
    own = Path(os.environ["MOLECULE_SCENARIO_DIRECTORY"]) / "tests"
    assert [item for item in request.session.items if own in item.path.parents]


def test_no_unit_has_failed(host: Host) -> None:
    """After the role has done its work everything in the machine still runs.

    The hourly look at health fails, as it should, in the middle of a fault that a scenario made; the next must not.
    """
    if "marketprism-health.service" in host.check_output("systemctl --failed --no-legend --plain"):
        host.run("systemctl start marketprism-health.service")
    failed = host.check_output("systemctl --failed --no-legend --plain")
    journal = host.check_output("journalctl --no-pager --lines=40 --priority=warning")
    assert failed == "", journal
