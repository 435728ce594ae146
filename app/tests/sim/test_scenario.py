import asyncio
from pathlib import Path

import pytest

from marketprism.errors import ConfigurationError
from marketprism.sim.faults import FAULTS
from marketprism.sim.injection import Fault, Faults, Order
from marketprism.sim.scenario import Scene, load, play

GAP = Order(fault="gap", venue="binance-usdm", symbol="BTCUSDT", count=5)
CLOSE = Order(fault="close-all", parameters={"code": 1012})


def test_a_scenario_is_read_in_the_order_of_its_times(tmp_path: Path) -> None:
    (tmp_path / "scenario.yml").write_text(
        "- {at_seconds: 30, fault: close-all, code: 1012}\n"
        "- {at_seconds: 0.5, fault: gap, venue: binance-usdm, symbol: BTCUSDT, count: 5}\n"
    )
    assert load(tmp_path / "scenario.yml") == [Scene(0.5, GAP), Scene(30, CLOSE)]


@pytest.mark.parametrize("content", ["{", "a: 1", "- {fault: gap}", "- gap", "- {at_seconds: true, fault: gap}"])
def test_what_is_no_scenario_is_refused_by_name(tmp_path: Path, content: str) -> None:
    (tmp_path / "scenario.yml").write_text(content)
    with pytest.raises(ConfigurationError, match="/scenario"):
        load(tmp_path / "scenario.yml")


async def test_faults_are_injected_at_their_times() -> None:
    loop, faults = asyncio.get_running_loop(), Faults(FAULTS)
    start, seen = loop.time(), []

    def inject(order: Order) -> Fault:
        seen.append((order.fault, loop.time() - start))
        return faults.inject(order)

    await play([Scene(0.0, CLOSE), Scene(0.2, GAP)], inject)
    assert [name for name, _ in seen] == ["close-all", "gap"]
    assert seen[1][1] >= 0.2
    assert [each.kind.name for each in faults.alive()] == ["gap"]
