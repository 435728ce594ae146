"""Kill -9 of NATS, of ClickHouse, and of both."""

import pytest

from tests.faults.kills import doing_of_clickhouse, doing_of_nats, kill_both_servers, kill_in_turn
from tests.faults.rig import Rig
from tests.faults.table import Table

pytestmark = [pytest.mark.faults, pytest.mark.timeout(2700)]


def test_nats_killed_in_each_phase(rig: Rig, table: Table, kills: int) -> None:
    done = kill_in_turn(rig, rig.nats, ["publishing", "delivering"], lambda: doing_of_nats(rig), kills, look_first=True)
    table.conclude(rig, "kill -9 of NATS", done)


def test_clickhouse_killed_in_each_phase(rig: Rig, table: Table, kills: int) -> None:
    done = kill_in_turn(rig, rig.clickhouse, ["inserting", "merging"], lambda: doing_of_clickhouse(rig), kills)
    table.conclude(rig, "kill -9 of ClickHouse", done)


def test_both_servers_killed_at_the_same_moment(rig: Rig, table: Table, kills: int) -> None:
    table.conclude(rig, "kill -9 of NATS and ClickHouse at once", kill_both_servers(rig, kills // 5))
