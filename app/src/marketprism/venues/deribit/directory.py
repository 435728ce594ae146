"""Deribit's list of instruments: ``public/get_instruments``, one request per currency."""

from collections.abc import Sequence

from marketprism.contract.instruments import ContractUnit
from marketprism.errors import ContractError, MarketPrismError
from marketprism.venues.deribit import decimals, messages
from marketprism.venues.deribit.instruments import perpetual
from marketprism.venues.protocol import UNREADABLE, Listing, ListingState, Purpose, RestRequest

LISTING_CREDITS = 10_000
"""See `adapter.CREDITS_PER_MINUTE`: Deribit answers about one of these requests a second."""

_UNITS = {"reversed": ContractUnit.QUOTE, "linear": ContractUnit.BASE}
_STATES = {
    "open": ListingState.TRADING,
    "delivered": ListingState.DELISTED,
    "archivized": ListingState.DELISTED,
}
"""States of a book; the others (settlement, inactive, locked, halted) pass, and so may those that we do not know."""


class DeribitDirectory:
    """The perpetuals of Deribit. Satisfies `venues.protocol.Directory`."""

    def requests(self, symbols: Sequence[str]) -> list[RestRequest]:
        """Return one request per currency: inverse perpetuals are listed under their base, linear under their quote."""
        pairs = (symbol.split("-")[:2] for symbol in symbols)
        currencies = dict.fromkeys(base if quote == "USD" else quote for base, quote in pairs)
        return [
            RestRequest(
                Purpose.LISTING,
                "",
                None,
                f"/api/v2/public/get_instruments?currency={currency}&kind=future",
                LISTING_CREDITS,
            )
            for currency in currencies
        ]

    def read(self, bodies: Sequence[bytes]) -> dict[str, Listing]:
        """Understand the answers: perpetuals by canonical symbol.

        One whose name, type and currencies do not fit together, or without sound steps, is left out: what it counts
        is not known.

        Raises:
            ContractError: An answer is no list of instruments.
        """
        found: dict[str, Listing] = {}
        for body in bodies:
            try:
                answer = messages.decode_instruments(body)
            except UNREADABLE as error:
                raise ContractError(
                    f"{body[:200]!r} lists no instruments: {error}", remedy="see the status page of Deribit"
                ) from error
            listings = (_listing(each) for each in answer.result if each.settlement_period == "perpetual")
            found |= {listing.instrument.symbol: listing for listing in listings if listing is not None}
        return found


def _listing(listed: messages.ListedInstrument) -> Listing | None:
    try:
        instrument = perpetual(f"{listed.base}-{listed.quote}")
        tick = decimals.positive("tick_size", listed.tick_size)
        lot = decimals.positive("min_trade_amount", listed.min_trade_amount)
    except MarketPrismError:
        return None
    fits = (listed.name, _UNITS.get(listed.instrument_type)) == (instrument.name, instrument.contract_unit)
    return Listing(instrument, tick, lot, _state(listed)) if fits else None


def _state(listed: messages.ListedInstrument) -> ListingState:
    state = _STATES.get(listed.state, ListingState.PAUSED)
    return ListingState.PAUSED if state is ListingState.TRADING and not listed.is_active else state
