import inspect
from dataclasses import FrozenInstanceError, fields

import pytest

from marketprism.cli.sim import sim
from marketprism.sim.settings import SimSettings

DERIVED = {"markets": "market", "symbols": "symbol", "symbol_count": "symbols", "truth_bytes": "truth_mb"}


def test_every_setting_has_an_option_with_the_same_default() -> None:
    options = inspect.signature(sim).parameters
    defaults = SimSettings()
    for name in {field.name for field in fields(SimSettings)}:
        option = options[DERIVED.get(name, name)].default
        expected = getattr(defaults, name)
        if name == "truth_bytes":
            assert option * 2**20 == expected
        else:
            assert (option or expected) == expected


def test_settings_cannot_change_under_a_running_simulator() -> None:
    with pytest.raises(FrozenInstanceError):
        SimSettings().port = 1  # type: ignore[misc]
