import pytest

from marketprism.contract.instruments import Instrument
from marketprism.contract.venues import VENUES, market_of
from marketprism.venues.protocol import Purpose
from marketprism.venues.registry import DIALECTS


def test_every_venue_of_the_contract_is_spoken_to() -> None:
    assert set(DIALECTS) == set(VENUES)


@pytest.mark.parametrize("name", VENUES)
def test_a_dialects_directory_and_adapter_are_the_venues_own(name: str) -> None:
    facts, dialect = VENUES[name], DIALECTS[name]
    assert {request.purpose for request in dialect.directory.requests(facts.symbols)} == {Purpose.LISTING}
    instruments = [
        Instrument(exchange=facts.exchange, market=market_of(name, symbol), symbol=symbol, name=symbol)
        for symbol in facts.symbols
    ]
    adapter = dialect.adapter(instruments, facts.data_types)
    assert {data_type for data_type, _ in adapter.feeds()} == set(facts.data_types)
    assert adapter.weight_per_minute == dialect.weight_per_minute
    assert {instrument.symbol for instrument in adapter.instruments().values()} == set(facts.symbols)
