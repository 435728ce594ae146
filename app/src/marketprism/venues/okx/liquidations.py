"""Liquidations: the ``liquidation-orders`` channel, which speaks of all instruments of a type.

Source: www.okx.com/docs-v5/en, "Liquidation orders channel": not all of them, and in no order. ``side`` is that of the
closing order, ``bkPx`` the bankruptcy price.
"""

from collections.abc import Mapping
from functools import partial

import msgspec
from msgspec import Struct, field

from marketprism.contract.events import Liquidation, Side
from marketprism.contract.instruments import Instrument
from marketprism.venues.okx.frames import Frame, Milliseconds, observed
from marketprism.venues.okx.sizes import measure
from marketprism.venues.protocol import VenueEvent

DATA_TYPE = "liquidation"


class _Detail(Struct):
    side: Side
    price: str = field(name="bkPx")
    size: str = field(name="sz")
    time_ms: Milliseconds = field(name="ts")


class _Row(Struct):
    instrument: str = field(name="instId")
    details: list[_Detail]


_decode = msgspec.json.Decoder(list[_Row]).decode


def read(instruments: Mapping[str, Instrument], frame: Frame, receive_ns: int) -> list[VenueEvent]:
    """Understand a message of the channel: rows of other instruments are normal, and are counted into the ordinal."""
    details = [(row.instrument, detail) for row in _decode(frame.data) for detail in row.details]
    return [
        observed(DATA_TYPE, known, partial(_liquidation, known, detail, ordinal, receive_ns))
        for ordinal, (name, detail) in enumerate(details)
        if (known := instruments.get(name)) is not None
    ]


def _liquidation(instrument: Instrument, detail: _Detail, ordinal: int, receive_ns: int) -> Liquidation:
    quantity, contracts = measure(instrument, detail.size, detail.price)
    return Liquidation(
        side=detail.side,
        price=detail.price,
        quantity=quantity,
        contracts=contracts,
        ordinal=ordinal,
        timestamp_us=int(detail.time_ms) * 1000,
        receive_ns=receive_ns,
    )
