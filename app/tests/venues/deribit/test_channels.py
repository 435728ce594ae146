"""Each wanted type has its channel, and each channel is subscribed to once."""

import msgspec
import pytest

from marketprism.venues.deribit.channels import channels
from tests.venues.deribit.frames import BTC, BTC_USDC


@pytest.mark.parametrize(
    ("data_types", "names"),
    [
        (("trade",), ["trades.BTC-PERPETUAL.100ms"]),
        (("liquidation",), ["trades.BTC-PERPETUAL.100ms"]),
        (("trade", "liquidation"), ["trades.BTC-PERPETUAL.100ms"]),
        (("orderbook",), ["book.BTC-PERPETUAL.100ms"]),
        (("orderbook_delta",), ["book.BTC-PERPETUAL.100ms"]),
        (("funding_rate", "open_interest"), ["ticker.BTC-PERPETUAL.100ms"]),
        (("volatility_index",), ["deribit_volatility_index.btc_usd"]),
        (("lsr_top_position",), []),
    ],
)
def test_data_types_name_their_channels(data_types: tuple[str, ...], names: list[str]) -> None:
    found = channels([BTC], data_types)
    assert [channel.name for channel in found] == names
    assert [name for channel in found for name in channel.data_types] == [t for t in data_types if names]


def test_two_perpetuals_of_one_currency_share_its_volatility_index() -> None:
    found = channels([BTC, BTC_USDC], ("orderbook", "volatility_index"))
    assert [channel.topic for channel in found] == [
        "book.BTC-PERPETUAL",
        "deribit_volatility_index.btc_usd",
        "book.BTC_USDC-PERPETUAL",
    ]


def test_a_currency_without_a_volatility_index_asks_for_none() -> None:
    sol = msgspec.structs.replace(BTC_USDC, symbol="SOL-USDC", name="SOL_USDC-PERPETUAL")
    assert [channel.topic for channel in channels([sol], ("trade", "volatility_index"))] == [
        "trades.SOL_USDC-PERPETUAL"
    ]
