"""The list of instruments: ``/api/v5/public/instruments``, one answer for a whole market.

Source: www.okx.com/docs-v5/en, "Get instruments". What is delisted is not in it.
"""

from collections.abc import Sequence

import msgspec
from msgspec import Struct, field

from marketprism.contract.instruments import ContractUnit, Instrument
from marketprism.contract.numbers import multiply
from marketprism.errors import ContractError
from marketprism.venues.okx.frames import answer
from marketprism.venues.okx.markets import SPOT, OkxMarket, instrument
from marketprism.venues.okx.sizes import unsigned
from marketprism.venues.protocol import UNREADABLE, Listing, ListingState, Purpose, Refusal, RestRequest

_UNITS = {"linear": ContractUnit.BASE, "inverse": ContractUnit.QUOTE}


class _Row(Struct):
    name: str = field(name="instId")
    state: str
    tick: str = field(name="tickSz")
    lot: str = field(name="lotSz")
    contract_value: str = field(name="ctVal", default="")
    contract_multiplier: str = field(name="ctMult", default="")
    contract_type: str = field(name="ctType", default="")


_decode = msgspec.json.Decoder(list[_Row]).decode


class OkxDirectory:
    """The instruments of one market. Satisfies `venues.protocol.Directory`.

    Args:
        market: `markets.SPOT` or `markets.SWAP`.
    """

    def __init__(self, market: OkxMarket) -> None:
        self._market = market

    def requests(self, symbols: Sequence[str]) -> list[RestRequest]:
        """Return the one request; it lists the whole market, whatever the symbols."""
        path = f"/api/v5/public/instruments?instType={self._market.instrument_type}"
        return [RestRequest(Purpose.LISTING, "", None, path, 1)]

    def read(self, bodies: Sequence[bytes]) -> dict[str, Listing]:
        """Understand the answers: listings by canonical symbol.

        An instrument whose name is not canonical, or whose numbers cannot be used, counts as not listed.

        Raises:
            ContractError: An answer is no list of instruments.
        """
        listings = (self._listing(row) for body in bodies for row in _rows(body))
        return {listing.instrument.symbol: listing for listing in listings if listing is not None}

    def _listing(self, row: _Row) -> Listing | None:
        try:
            return Listing(
                self._instrument(row),
                tick=unsigned("tickSz", row.tick),
                lot=unsigned("lotSz", row.lot),
                state=ListingState.TRADING if row.state == "live" else ListingState.PAUSED,
            )
        except ContractError:
            return None

    def _instrument(self, row: _Row) -> Instrument:
        symbol = row.name.removesuffix(self._market.suffix)
        if self._market is SPOT:
            return instrument(SPOT, symbol)
        if row.contract_type not in _UNITS:
            raise ContractError(f"ctType {row.contract_type!r} of {row.name!r}", remedy="it is not listed")
        return instrument(
            self._market,
            symbol,
            contract_size=multiply(unsigned("ctVal", row.contract_value), unsigned("ctMult", row.contract_multiplier)),
            contract_unit=_UNITS[row.contract_type],
        )


def _rows(body: bytes) -> list[_Row]:
    data = answer(body)
    if isinstance(data, Refusal):
        raise ContractError(f"OKX lists no instruments: {data.detail}", remedy="try again later")
    try:
        return _decode(data)
    except UNREADABLE as error:
        raise ContractError(f"OKX's instruments are unreadable: {error}", remedy="try again later") from error
