"""Every benchmark runs and says what it found; how fast that was on this machine is nobody's business here."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.servers import artifact

APP = Path(__file__).parents[2]
pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, object]]]:
    if artifact("nats_server") is None or artifact("clickhouse_engine") is None:
        pytest.skip("the servers are not in the cache; run ansible-playbook playbooks/artifacts.yml")
    found = tmp_path_factory.mktemp("benchmarks") / "found.json"
    command = [sys.executable, "-m", "benchmarks", "--quick", "--json", str(found)]
    subprocess.run(command, cwd=APP, check=True, timeout=280)
    return json.loads(found.read_text())["tables"]


def test_every_comparison_has_ours_and_what_is_expected_of_it(tables: dict[str, list[dict[str, object]]]) -> None:
    beginnings = {title.partition(",")[0].partition(" ")[0] for title in tables}
    assert beginnings == {"adapter", "publishing", "storing", "bytes", "the"}
    for title, rows in tables.items():
        assert any(row["target"] for row in rows), title
        assert all(row["values"] and min(row["values"]) > 0 for row in rows), title


def test_a_yardstick_says_how_many_times_ours_is_as_much(tables: dict[str, list[dict[str, object]]]) -> None:
    rows = {row["name"]: row for title, rows in tables.items() if title.startswith("storing") for row in rows}
    ours, ready = rows["ours, from the stream"], rows["clickhouse-driver, ready-made columns"]
    assert ready["ratios"] == [ours["values"][0] / ready["values"][0]]
