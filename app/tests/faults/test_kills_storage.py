"""Kill -9 of the storage service."""

import pytest

from tests.faults.kills import doing_of_storage, kill_in_turn
from tests.faults.rig import Rig
from tests.faults.table import Table

pytestmark = [pytest.mark.faults, pytest.mark.timeout(2700)]


def test_storage_killed_in_each_phase(rig: Rig, table: Table, kills: int) -> None:
    phases = ["inserting", "batch in hand", "stored, not acknowledged"]
    done = kill_in_turn(rig, rig.storage, phases, lambda: doing_of_storage(rig), kills)
    table.conclude(rig, "kill -9 of storage", done)
