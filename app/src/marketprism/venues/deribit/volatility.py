"""``deribit_volatility_index.{index}``: DVOL, the expected volatility of a currency, annualised, in percent as sent."""

from msgspec import Raw

from marketprism.contract.events import VolatilityIndex
from marketprism.contract.instruments import Instrument
from marketprism.venues.deribit import decimals, messages
from marketprism.venues.protocol import Observed, VenueEvent


class Volatility:
    """One volatility index.

    Args:
        index: Of `instruments.volatility_index`.
    """

    def __init__(self, index: Instrument) -> None:
        self._index = index

    def read(self, data: Raw, receive_ns: int) -> list[VenueEvent]:
        """Understand one message.

        Raises:
            msgspec.DecodeError: It is no volatility index.
            ContractError: The number cannot be used.
        """
        message = messages.decode_volatility(data)
        value = VolatilityIndex(
            value=decimals.unsigned("volatility", message.volatility),
            timestamp_us=message.timestamp_us,
            receive_ns=receive_ns,
        )
        return [Observed("volatility_index", self._index, value)]
