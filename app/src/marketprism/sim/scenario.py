"""A scenario file: faults and when they are injected, in seconds after the start.

- {at_seconds: 10, fault: gap, venue: binance-usdm, symbol: BTCUSDT, count: 5}
- {at_seconds: 30, fault: close-all, code: 1012}
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import yaml

from marketprism.errors import ConfigurationError
from marketprism.sim.injection import Fault, Order, order

_REMEDY = "write a YAML list of {at_seconds: SECONDS, fault: NAME, …}; GET /control/faults lists the faults"


@dataclass(frozen=True, slots=True)
class Scene:
    """One entry of a scenario."""

    at_seconds: float
    order: Order


def load(path: Path) -> list[Scene]:
    """Read a scenario file, in the order of its times.

    Raises:
        ConfigurationError: It cannot be read, or is not one.
    """
    try:
        entries = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigurationError(f"scenario {path} cannot be read: {error}", remedy=_REMEDY) from error
    if not isinstance(entries, list):
        raise ConfigurationError(f"scenario {path} is no list", remedy=_REMEDY)
    return sorted((_scene(path, entry) for entry in entries), key=lambda scene: scene.at_seconds)


def _scene(path: Path, entry: object) -> Scene:
    at_seconds = entry.get("at_seconds") if isinstance(entry, dict) else None
    if not isinstance(entry, dict) or isinstance(at_seconds, bool) or not isinstance(at_seconds, int | float):
        raise ConfigurationError(f"scenario {path}: {entry!r} has no number at_seconds", remedy=_REMEDY)
    return Scene(at_seconds, order({name: value for name, value in entry.items() if name != "at_seconds"}))


async def play(scenes: list[Scene], inject: Callable[[Order], Fault]) -> None:
    """Inject the faults at their times, and return after the last.

    Raises:
        ConfigurationError: A fault is not understood.
    """
    start = asyncio.get_running_loop().time()
    for scene in scenes:
        await asyncio.sleep(max(0.0, start + scene.at_seconds - asyncio.get_running_loop().time()))
        inject(scene.order)
