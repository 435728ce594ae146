"""Funding rates: the ``funding-rate`` channel, every 30 to 90 s.

Source: www.okx.com/docs-v5/en, "Funding rate channel". ``fundingRate`` is settled at ``fundingTime``; the next interval
ends at ``nextFundingTime``. ``nextFundingRate`` is empty since OKX tells the current interval's rate alone.
"""

from functools import partial
from typing import Annotated

import msgspec
from msgspec import Meta, Struct, field

from marketprism.contract.events import FundingRate
from marketprism.contract.instruments import Instrument
from marketprism.contract.numbers import require_decimal
from marketprism.errors import ContractError
from marketprism.venues.okx.frames import Frame, Milliseconds, observed
from marketprism.venues.protocol import VenueEvent

DATA_TYPE = "funding_rate"


class _Row(Struct):
    rate: str = field(name="fundingRate")
    funding_ms: Milliseconds = field(name="fundingTime")
    time_ms: Milliseconds = field(name="ts")
    next_funding_ms: Annotated[str, Meta(pattern=r"\A[0-9]{0,13}\Z")] = field(name="nextFundingTime", default="")


_decode = msgspec.json.Decoder(list[_Row]).decode


def read(instrument: Instrument, frame: Frame, receive_ns: int) -> list[VenueEvent]:
    """Understand a message of the channel."""
    return [observed(DATA_TYPE, instrument, partial(_funding_rate, row, receive_ns)) for row in _decode(frame.data)]


def _funding_rate(row: _Row, receive_ns: int) -> FundingRate:
    return FundingRate(
        rate=require_decimal("fundingRate", row.rate),
        funding_us=int(row.funding_ms) * 1000,
        interval_seconds=_interval_seconds(row),
        mark_price=None,
        index_price=None,
        timestamp_us=int(row.time_ms) * 1000,
        receive_ns=receive_ns,
    )


def _interval_seconds(row: _Row) -> int | None:
    if not row.next_funding_ms:
        return None
    seconds = (int(row.next_funding_ms) - int(row.funding_ms)) // 1000
    if seconds <= 0:
        raise ContractError(
            f"nextFundingTime {row.next_funding_ms} does not follow fundingTime {row.funding_ms}",
            remedy="it is refused and counted",
        )
    return seconds
