"""``ticker.{instrument}.100ms``: funding and open interest."""

from collections.abc import Sequence

from msgspec import Raw

from marketprism.contract.events import FundingRate, OpenInterest
from marketprism.contract.instruments import Instrument
from marketprism.venues.deribit import decimals, messages
from marketprism.venues.deribit.instruments import base_quantity, contracts
from marketprism.venues.protocol import Observed, VenueEvent

FUNDING_BASIS_SECONDS = 8 * 3600
"""Deribit settles funding continuously; it states the current rate as a fraction per eight hours."""

_MILLISECONDS = 1000  # per second
_LATE_SECONDS = 60


class Ticker:
    """The ticker of one instrument: of the ten that come in a second the first is used, by the exchange's time.

    Args:
        wanted: ``funding_rate``, ``open_interest`` or both.
    """

    def __init__(self, instrument: Instrument, wanted: Sequence[str]) -> None:
        self._instrument = instrument
        self._wants_funding, self._wants_interest = "funding_rate" in wanted, "open_interest" in wanted
        self._second: int | None = None

    def read(self, data: Raw, receive_ns: int) -> list[VenueEvent]:
        """Understand one message.

        Raises:
            msgspec.DecodeError: It is no ticker.
            ContractError: A number cannot be used.
        """
        message = messages.decode_ticker(data)
        if not self._is_due(message.timestamp // _MILLISECONDS):
            return []
        events: list[VenueEvent] = []
        if self._wants_funding:
            events.append(Observed("funding_rate", self._instrument, _funding(message, receive_ns)))
        if self._wants_interest:
            events.append(Observed("open_interest", self._instrument, self._interest(message, receive_ns)))
        return events

    def _is_due(self, second: int) -> bool:
        """Take each second once; a ticker that is a little late is skipped, so that a wrong clock blocks nothing."""
        if self._second is not None and 0 <= self._second - second < _LATE_SECONDS:
            return False
        self._second = second
        return True

    def _interest(self, message: messages.TickerMessage, receive_ns: int) -> OpenInterest:
        amount = decimals.unsigned("open_interest", message.open_interest)
        mark_price = decimals.positive("mark_price", message.mark_price)
        return OpenInterest(
            quantity=base_quantity(self._instrument, amount, mark_price),
            contracts=contracts(self._instrument, amount),
            timestamp_us=message.timestamp_us,
            receive_ns=receive_ns,
        )


def _funding(message: messages.TickerMessage, receive_ns: int) -> FundingRate:
    return FundingRate(
        rate=decimals.signed("current_funding", message.current_funding),
        funding_us=None,
        interval_seconds=FUNDING_BASIS_SECONDS,
        mark_price=decimals.optional("mark_price", message.mark_price),
        index_price=decimals.optional("index_price", message.index_price),
        timestamp_us=message.timestamp_us,
        receive_ns=receive_ns,
    )
