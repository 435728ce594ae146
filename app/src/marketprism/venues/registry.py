"""Which adapter and which directory speak for a venue."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from marketprism.contract.instruments import Instrument
from marketprism.venues.binance import markets as binance
from marketprism.venues.binance.adapter import Binance
from marketprism.venues.binance.directory import BinanceDirectory
from marketprism.venues.deribit.adapter import Deribit
from marketprism.venues.deribit.directory import DeribitDirectory
from marketprism.venues.okx import markets as okx
from marketprism.venues.okx.adapter import Okx
from marketprism.venues.okx.directory import OkxDirectory
from marketprism.venues.protocol import Directory, Venue


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one venue is spoken to.

    Attributes:
        directory: Lists its instruments.
        adapter: Makes the adapter for instruments and data types.
        weight_per_minute: As the adapter's; the directory's requests come before there is one.
    """

    directory: Directory
    adapter: Callable[[Sequence[Instrument], Sequence[str]], Venue]
    weight_per_minute: int


def _binance(market: binance.BinanceMarket) -> Dialect:
    return Dialect(BinanceDirectory(market), partial(Binance, market), market.weight_per_minute)


def _okx(market: okx.OkxMarket) -> Dialect:
    return Dialect(OkxDirectory(market), partial(Okx, market), Okx.weight_per_minute)


DIALECTS: dict[str, Dialect] = {
    **{name: _binance(market) for name, market in binance.MARKETS.items()},
    **{name: _okx(market) for name, market in okx.MARKETS.items()},
    "deribit": Dialect(DeribitDirectory(), Deribit, Deribit.weight_per_minute),
}
"""Dialects by the venue's name in the settings."""
