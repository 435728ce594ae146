"""Binance's list of instruments, and their canonical symbols."""

from collections.abc import Sequence
from contextlib import suppress

from marketprism.contract.instruments import Exchange, Instrument, Market, require_symbol
from marketprism.contract.numbers import is_decimal, parse, to_text
from marketprism.errors import ContractError
from marketprism.venues.binance import messages
from marketprism.venues.binance.markets import BinanceMarket
from marketprism.venues.protocol import UNREADABLE, Listing, ListingState, Purpose, RestRequest

_MARKETS: dict[str, Market] = {
    "": Market.SPOT,
    "PERPETUAL": Market.PERPETUAL,
    "PERPETUAL_DELIVERING": Market.PERPETUAL,
    "TRADIFI_PERPETUAL": Market.PERPETUAL,
    "CURRENT_MONTH": Market.FUTURE,
    "NEXT_MONTH": Market.FUTURE,
    "CURRENT_QUARTER": Market.FUTURE,
    "NEXT_QUARTER": Market.FUTURE,
}
"""Markets by contract type, which spot does not have ("Public Endpoints Info" of the USD-M documentation)."""

_STATES: dict[str, ListingState] = {
    "TRADING": ListingState.TRADING,
    "DELIVERED": ListingState.DELISTED,
    "SETTLING": ListingState.DELISTED,
    "CLOSE": ListingState.DELISTED,
}
"""States by status; every other status (``BREAK``, ``HALT``, ``PENDING_TRADING``, …) is a pause. A delisted perpetual
stays in the list as SETTLING, a delisted spot symbol as BREAK, which a pause looks like as well."""


class BinanceDirectory:
    """The instruments of one market. Satisfies `venues.protocol.Directory`.

    Args:
        market: `markets.SPOT` or `markets.USDM`.
    """

    def __init__(self, market: BinanceMarket) -> None:
        self._market = market

    def requests(self, symbols: Sequence[str]) -> list[RestRequest]:
        """Return the one request for all instruments: one unknown symbol in it would fail a narrower one."""
        listing = self._market.listing
        return [RestRequest(Purpose.LISTING, "", None, listing.path, listing.weight)]

    def read(self, bodies: Sequence[bytes]) -> dict[str, Listing]:
        """Understand the answer: listings by canonical symbol, without those that cannot be understood.

        Raises:
            ContractError: An answer is no list of instruments.
        """
        is_spot = self._market.market is Market.SPOT
        rows = [row for body in bodies for row in _rows(body)]
        # A contract that is only announced has no type yet; it must not pass for spot.
        found = [_listing(row) for row in rows if is_spot or row.contract_type]
        return {listing.instrument.symbol: listing for listing in found if listing is not None}


def _rows(body: bytes) -> list[messages.SymbolRow]:
    try:
        symbols = messages.decode_exchange_info(body).symbols
    except UNREADABLE as error:
        raise ContractError(
            f"Binance's answer {body[:200]!r} is no list of instruments: {error}",
            remedy="check the venue's REST address; the list is asked for again",
        ) from error
    rows = []
    for symbol in symbols:
        with suppress(*UNREADABLE):
            rows.append(messages.decode_symbol(symbol))
    return rows


def _listing(row: messages.SymbolRow) -> Listing | None:
    instrument = _instrument(row)
    tick = next((each.tick_size for each in row.filters if each.filter_type == "PRICE_FILTER"), "")
    lot = next((each.step_size for each in row.filters if each.filter_type == "LOT_SIZE"), "")
    if instrument is None or not (is_decimal(tick) and is_decimal(lot)):
        return None
    state = _STATES.get(row.status, ListingState.PAUSED)
    return Listing(instrument, to_text(parse(tick)), to_text(parse(lot)), state)


def _instrument(row: messages.SymbolRow) -> Instrument | None:
    market = _MARKETS.get(row.contract_type)
    parts = [row.base_asset, row.quote_asset]
    if market is Market.FUTURE:
        parts.append(row.symbol.partition("_")[2])
    try:
        symbol = require_symbol("-".join(parts))
    except ContractError:
        return None
    if market is None or (market is Market.FUTURE) != (symbol.count("-") > 1):
        return None
    return Instrument(exchange=Exchange.BINANCE, market=market, symbol=symbol, name=row.symbol)
