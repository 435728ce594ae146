"""The fault suite's short form: a whole pipeline, its storage killed with work in hand, then both servers at once.

It judges what is stored; how soon, the suite itself judges, which does not share the processors with other tests.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.kills import doing_of_storage, kill_both_servers, kill_in_turn
from tests.faults.rig import WAIT_SECONDS, Rig
from tests.faults.table import Table
from tests.integration.servers import artifact

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    if artifact("nats_server") is None or artifact("clickhouse_engine") is None:
        pytest.skip("a server is not in the cache; run ansible-playbook playbooks/artifacts.yml")
    made = Rig(tmp_path)
    try:
        made.start()
        yield made
    finally:
        made.stop()


def test_kills_with_work_in_hand_lose_nothing_and_store_nothing_twice(rig: Rig) -> None:
    kills = kill_in_turn(rig, rig.storage, ["batch in hand"], lambda: doing_of_storage(rig), 1)
    kills = kills.joined(kill_both_servers(rig, 1))
    Table([]).conclude(rig, "short form", kills, most_seconds=WAIT_SECONDS)
