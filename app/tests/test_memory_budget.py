"""What the playbooks give each service of a box's memory."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest
import yaml

CLONE = Path(__file__).parents[2]


def budget(memtotal_mb: int) -> Any:
    path = CLONE / "playbooks" / "filter_plugins" / "memory_budget.py"
    spec = importlib.util.spec_from_file_location("memory_budget", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.memory_budget(memtotal_mb)


@pytest.mark.parametrize(
    ("gigabytes", "slice_", "clickhouse", "nats", "program"),
    [
        (4, (3276, 3686), 1843, (512, 768), (512, 768)),
        (8, (6553, 7372), 3686, (1024, 1536), (1024, 1536)),
        (16, (13107, 14745), 7372, (2048, 3072), (2048, 3072)),
        (64, (52428, 58982), 29491, (2048, 3072), (2048, 3072)),
    ],
)
def test_the_limits_follow_the_ram_of_the_box(
    gigabytes: int, slice_: tuple[int, int], clickhouse: int, nats: tuple[int, int], program: tuple[int, int]
) -> None:
    assert budget(gigabytes * 1024) == {
        "slice": {"high": slice_[0], "max": slice_[1]},
        "clickhouse": {"runtime": clickhouse},
        "nats": {"runtime": nats[0], "high": nats[1]},
        "collector": {"high": program[0], "max": program[1]},
        "storage": {"high": program[0], "max": program[1]},
    }


@pytest.mark.parametrize("gigabytes", [4, 8, 16, 64])
def test_what_the_services_may_take_together_fits_below_the_slice(gigabytes: int) -> None:
    limits = budget(gigabytes * 1024)
    together = limits["clickhouse"]["runtime"] + sum(limits[name]["high"] for name in ("nats", "collector", "storage"))
    assert together <= limits["slice"]["max"]
    assert gigabytes * 1024 - limits["slice"]["max"] >= 400


def test_a_box_that_shows_less_than_its_4_gb_gives_the_services_the_same() -> None:
    assert budget(3915)["collector"] == budget(4096)["collector"]
    assert budget(3915)["slice"]["max"] == 3523


def test_a_role_without_a_budget_takes_that_of_the_smallest_box() -> None:
    limits = budget(4096)
    defaults: dict[str, Any] = {}
    for role in ("clickhouse", "nats", "collector", "storage"):
        defaults |= yaml.safe_load((CLONE / "roles" / role / "defaults" / "main.yml").read_text(encoding="utf-8"))
    assert defaults["clickhouse_max_server_memory_usage"] == limits["clickhouse"]["runtime"] << 20
    assert defaults["nats_gomemlimit"] == f"{limits['nats']['runtime']}MiB"
    assert defaults["nats_memory_high"] == f"{limits['nats']['high']}M"
    for role in ("collector", "storage"):
        for kind in ("high", "max"):
            assert defaults[f"{role}_memory_{kind}"] == f"{limits[role][kind]}M"
