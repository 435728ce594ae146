"""Open interest: the ``open-interest`` channel, about every 3 s.

Source: www.okx.com/docs-v5/en, "Open interest channel": ``oi`` in contracts, ``oiCcy`` in base currency.
"""

from functools import partial

import msgspec
from msgspec import Struct, field

from marketprism.contract.events import OpenInterest
from marketprism.contract.instruments import Instrument
from marketprism.venues.okx.frames import Frame, Milliseconds, observed
from marketprism.venues.okx.sizes import unsigned
from marketprism.venues.protocol import VenueEvent

DATA_TYPE = "open_interest"


class _Row(Struct):
    contracts: str = field(name="oi")
    quantity: str = field(name="oiCcy")
    time_ms: Milliseconds = field(name="ts")


_decode = msgspec.json.Decoder(list[_Row]).decode


def read(instrument: Instrument, frame: Frame, receive_ns: int) -> list[VenueEvent]:
    """Understand a message of the channel."""
    return [observed(DATA_TYPE, instrument, partial(_open_interest, row, receive_ns)) for row in _decode(frame.data)]


def _open_interest(row: _Row, receive_ns: int) -> OpenInterest:
    return OpenInterest(
        quantity=unsigned("oiCcy", row.quantity),
        contracts=unsigned("oi", row.contracts),
        timestamp_us=int(row.time_ms) * 1000,
        receive_ns=receive_ns,
    )
