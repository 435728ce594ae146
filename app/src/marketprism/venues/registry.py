"""Which adapter and which directory speak for a venue."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

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
    """

    directory: Directory
    adapter: Callable[[Sequence[Instrument], Sequence[str]], Venue]


def _binance(market: binance.BinanceMarket) -> Dialect:
    return Dialect(BinanceDirectory(market), lambda instruments, types: Binance(market, instruments, types))


def _okx(market: okx.OkxMarket) -> Dialect:
    return Dialect(OkxDirectory(market), lambda instruments, types: Okx(market, instruments, types))


DIALECTS: dict[str, Dialect] = {
    **{name: _binance(market) for name, market in binance.MARKETS.items()},
    **{name: _okx(market) for name, market in okx.MARKETS.items()},
    "deribit": Dialect(DeribitDirectory(), Deribit),
}
"""Dialects by the venue's name in the settings."""
