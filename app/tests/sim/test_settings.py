import inspect
from dataclasses import FrozenInstanceError, fields

import pytest

from marketprism.cli.sim import sim
from marketprism.sim.instruments import Pair
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
        SimSettings().port = 1


def test_made_up_pairs_fill_the_list_and_the_first_are_peculiar() -> None:
    pairs = SimSettings(symbols=("BTCUSDT", "BTC-USDT"), symbol_count=500).pairs()
    assert len(set(pairs)) == len(pairs) == 500
    assert pairs[:4] == [Pair("BTC", "USDT"), Pair("币安人生", "USDT"), Pair("PICO", "USDT"), Pair("SIM0000", "USDT")]


def test_named_pairs_are_listed_whatever_the_count() -> None:
    assert SimSettings(symbols=("BTCUSDT", "ETHUSDT"), symbol_count=1).pairs() == [
        Pair("BTC", "USDT"),
        Pair("ETH", "USDT"),
    ]
