"""The past over REST: missing trades, the trade at a time, and hourly funding.

Source: docs.deribit.com, "public/get_last_trades_by_instrument", "public/get_last_trades_by_instrument_and_time" and
"public/get_funding_rate_history". Weights are Deribit's credits, of which 10,000 flow back each second.
"""

from urllib.parse import quote

from marketprism.contract.events import FundingRate
from marketprism.contract.instruments import Instrument
from marketprism.venues.deribit import decimals, messages
from marketprism.venues.protocol import Observed, Purpose, RestRequest, VenueEvent

CREDITS = 500
"""Of one request."""
MOST_TRADES = 1000
"""Trades in one answer, at most."""
_DAY_MS = 86_400_000
_HOUR_SECONDS = 3600
_HOURS_PER_ANSWER = 720


def missing_trades(instrument: Instrument, first_id: int, last_id: int) -> RestRequest:
    """Return the request for missing trades, oldest first."""
    last_id = min(last_id, first_id + MOST_TRADES - 1)
    path = (
        f"/api/v2/public/get_last_trades_by_instrument?instrument_name={quote(instrument.name)}"
        f"&start_seq={first_id}&end_seq={last_id}&count={MOST_TRADES}&sorting=asc"
    )
    return RestRequest(Purpose.HEAL, "trade", instrument, path, CREDITS, first_id, last_id)


def trade_at(instrument: Instrument, start_us: int) -> RestRequest:
    """Return the request for the first trade from a time on, which comes within a day."""
    start_ms = start_us // 1000
    path = (
        f"/api/v2/public/get_last_trades_by_instrument_and_time?instrument_name={quote(instrument.name)}"
        f"&start_timestamp={start_ms}&end_timestamp={start_ms + _DAY_MS}&count=1&sorting=asc"
    )
    return RestRequest(Purpose.HISTORY, "trade", instrument, path, CREDITS, end_us=start_us)


def funding(instrument: Instrument, start_us: int, end_us: int) -> RestRequest:
    """Return the request for hourly funding."""
    end_us = min(end_us, start_us + _HOURS_PER_ANSWER * _HOUR_SECONDS * 1_000_000)
    path = (
        f"/api/v2/public/get_funding_rate_history?instrument_name={quote(instrument.name)}"
        f"&start_timestamp={start_us // 1000}&end_timestamp={(end_us - 1) // 1000}"
    )
    return RestRequest(Purpose.HISTORY, "funding_rate", instrument, path, CREDITS, end_us=end_us)


def read_funding(instrument: Instrument, body: bytes, receive_ns: int) -> list[VenueEvent]:
    """Understand hourly funding: what the hour cost that ended then, where the stream has a rate per eight hours.

    Its end counts as its settlement, so that it is never the same event as one of the stream. Deribit computes it and
    writes all digits of the binary number, such as ``-4.739622041017375e-7``: more than are kept.

    Raises:
        msgspec.DecodeError: It is no such answer.
        ContractError: A number cannot be used.
    """
    rows = messages.decode_funding_answer(body).result
    return [Observed("funding_rate", instrument, _funding(row, receive_ns)) for row in rows]


def _funding(row: messages.FundingRow, receive_ns: int) -> FundingRate:
    return FundingRate(
        rate=decimals.computed("interest_1h", row.interest),
        funding_us=row.timestamp_us,
        interval_seconds=_HOUR_SECONDS,
        mark_price=None,
        index_price=decimals.optional("index_price", row.index_price),
        timestamp_us=row.timestamp_us,
        receive_ns=receive_ns,
    )
