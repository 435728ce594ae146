import inspect

import pytest

from marketprism.sim.binance.replay import ReplayedExchange
from marketprism.sim.exchange import GeneratedExchange
from marketprism.sim.source import Source

PROMISED = [name for name in vars(Source) if not name.startswith("_")]


@pytest.mark.parametrize("exchange", [GeneratedExchange, ReplayedExchange])
@pytest.mark.parametrize("name", PROMISED)
def test_generated_and_replayed_exchanges_keep_the_promise(exchange: type, name: str) -> None:
    """The server may not know which of them it serves."""
    found, promised = getattr(exchange, name), getattr(Source, name)
    assert inspect.signature(found) == inspect.signature(promised)
    assert inspect.iscoroutinefunction(found) == inspect.iscoroutinefunction(promised)
