"""Dashboards show metrics that there are."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.ops import exposed

DASHBOARDS = sorted((Path(__file__).parents[2] / "roles/monitoring/files/dashboards").glob("*.json"))
PANELS: list[Any] = [
    pytest.param(panel, id=f"{path.stem}: {panel['title']}")
    for path in DASHBOARDS
    for panel in json.loads(path.read_text(encoding="utf-8"))["panels"]
]


def test_there_is_one_of_the_pipeline_and_one_of_the_host() -> None:
    assert [path.stem for path in DASHBOARDS] == ["host", "pipeline"]


@pytest.mark.parametrize("panel", PANELS)
def test_every_metric_of_a_panel_exists(panel: dict[str, Any]) -> None:
    assert panel["targets"]
    for target in panel["targets"]:
        found = exposed.names(target["expr"])
        assert found, target["expr"]
        assert found <= exposed.METRICS | exposed.BY_OTHERS, target["expr"]
