"""Kill -9 of the collector: what it alone had is fetched again from the venues."""

import time

import pytest

from tests.faults.kills import Kills, kill_collector
from tests.faults.rig import Rig
from tests.faults.table import Table

pytestmark = [pytest.mark.faults, pytest.mark.timeout(2700)]


def test_collector_killed_in_each_phase(rig: Rig, table: Table, kills: int) -> None:
    done = Kills()
    for some in range(kills, 0, -25):  # what a venue gives again is not as old as the whole run
        done = done.joined(kill_collector(rig, min(some, 25)))
        backfill(rig)
    table.conclude(rig, "kill -9 of the collector", done, restarts_books=True)


def backfill(rig: Rig) -> None:
    """Fetch what no collector was there for; a minute later, as the last one is left to the collector."""
    time.sleep(62)
    rig.command("backfill", "--gaps")
