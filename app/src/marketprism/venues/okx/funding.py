"""Funding rates: the ``funding-rate`` channel, every 30 to 90 s.

Source: www.okx.com/docs-v5/en, "Funding rate channel" and "Get funding rate history". ``fundingRate`` is settled at
``fundingTime``; the next interval ends at ``nextFundingTime``. ``nextFundingRate`` is empty since OKX tells the current
interval's rate alone.
"""

from functools import partial
from typing import Annotated
from urllib.parse import quote

import msgspec
from msgspec import Meta, Struct, field

from marketprism.contract.events import FundingRate
from marketprism.contract.instruments import Instrument
from marketprism.contract.numbers import require_decimal
from marketprism.errors import ContractError
from marketprism.venues.okx.frames import Frame, Milliseconds, answer, observed
from marketprism.venues.protocol import UNREADABLE, Purpose, Refusal, RestRequest, VenueEvent

DATA_TYPE = "funding_rate"
_RATES_PER_ANSWER = 100
_SHORTEST_INTERVAL_US = 3_600_000_000


class _Row(Struct):
    rate: str = field(name="fundingRate")
    funding_ms: Milliseconds = field(name="fundingTime")
    time_ms: Milliseconds = field(name="ts")
    next_funding_ms: Annotated[str, Meta(pattern=r"\A[0-9]{0,13}\Z")] = field(name="nextFundingTime", default="")


class _SettledRow(Struct):
    """One row of ``/api/v5/public/funding-rate-history``; its ``fundingRate`` is what had been expected."""

    rate: str = field(name="realizedRate")
    funding_ms: Milliseconds = field(name="fundingTime")


_decode = msgspec.json.Decoder(list[_Row]).decode
_decode_settled = msgspec.json.Decoder(list[_SettledRow]).decode


def read(instrument: Instrument, frame: Frame, receive_ns: int) -> list[VenueEvent]:
    """Understand a message of the channel."""
    return [observed(DATA_TYPE, instrument, partial(_funding_rate, row, receive_ns)) for row in _decode(frame.data)]


def history_request(instrument: Instrument, start_us: int, end_us: int) -> RestRequest:
    """Return the request for settled rates; OKX leaves both ends out."""
    end_us = min(end_us, start_us + _RATES_PER_ANSWER * _SHORTEST_INTERVAL_US)
    path = (
        f"/api/v5/public/funding-rate-history?instId={quote(instrument.name)}"
        f"&before={start_us // 1000 - 1}&after={end_us // 1000}&limit={_RATES_PER_ANSWER}"
    )
    return RestRequest(Purpose.HISTORY, DATA_TYPE, instrument, path, 1, end_us=end_us)


def read_history(instrument: Instrument, body: bytes, receive_ns: int) -> list[VenueEvent]:
    """Understand settled rates, oldest first; each is dated to its settlement."""
    data = answer(body)
    if isinstance(data, Refusal):
        return [data]
    try:
        rows = _decode_settled(data)
    except UNREADABLE as error:
        return [Refusal(f"{DATA_TYPE}_malformed", f"{error}: {body[:200]!r}")]
    rows.sort(key=lambda row: int(row.funding_ms))
    return [observed(DATA_TYPE, instrument, partial(_settled, row, receive_ns)) for row in rows]


def _settled(row: _SettledRow, receive_ns: int) -> FundingRate:
    settled_us = int(row.funding_ms) * 1000
    return FundingRate(
        rate=require_decimal("realizedRate", row.rate),
        funding_us=settled_us,
        interval_seconds=None,
        mark_price=None,
        index_price=None,
        timestamp_us=settled_us,
        receive_ns=receive_ns,
    )


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
