"""One command shows whether an exchange answers."""

import pytest

from marketprism.collector.trial import try_venue
from marketprism.errors import UnavailableError
from marketprism.settings import CollectorSettings, VenueSettings
from tests.collector.simulated import exchanges, reached


@pytest.mark.parametrize("venue", ["binance-spot", "okx-swap", "deribit"])
async def test_a_venue_that_answers_brings_an_event(venue: str) -> None:
    async with exchanges() as host:
        found = await try_venue(venue, reached(venue, host), CollectorSettings(), 10)
    assert found.record.instrument.symbol == ("BTC-USD" if venue == "deribit" else "BTC-USDT")
    assert found.record.data_type in {"trade", "orderbook"}
    assert 0 < found.seconds < 10


async def test_a_venue_that_does_not_is_told_with_its_reason() -> None:
    nowhere = VenueSettings(
        ws_url="ws://127.0.0.1:1", rest_url="http://127.0.0.1:1", symbols=("BTC-USDT",), data_types=("trade",)
    )
    with pytest.raises(UnavailableError, match="Connect call failed") as caught:
        await try_venue("binance-spot", nowhere, CollectorSettings(), 1)
    assert "http://127.0.0.1:1" in caught.value.message
    assert "doctor exchange-blocked" in caught.value.remedy
