"""Long/short ratios, polled over REST: of the top traders' positions and of all accounts, in bars of five minutes.

Source: www.okx.com/docs-v5/en, "Trading Statistics": rows of time and ratio, newest first. The page does not say
whether a bar's time is its start or its end, so the newest bar may still change: a bar is told once, when a newer one
is there, or of the past when a newer one could be.
"""

from collections.abc import Sequence
from functools import partial
from urllib.parse import quote

import msgspec
from msgspec import Struct

from marketprism.contract.events import LongShortRatio
from marketprism.contract.instruments import Instrument
from marketprism.contract.numbers import UNIT, divide, parse, to_text
from marketprism.venues.okx.frames import Milliseconds, answer, observed
from marketprism.venues.okx.sizes import unsigned
from marketprism.venues.protocol import SECOND_NS, UNREADABLE, Observed, Poll, Purpose, Refusal, RestRequest, VenueEvent

PATHS = {
    "lsr_top_position": "/api/v5/rubik/stat/contracts/long-short-position-ratio-contract-top-trader",
    "lsr_all_account": "/api/v5/rubik/stat/contracts/long-short-account-ratio-contract",
}
_PERIOD = "5m"
_PERIOD_MS = 300_000
_BARS_PER_ANSWER = 100
_BARS = 12
"""An hour: what an outage or a restart may have missed."""
_INTERVAL_NS = 60 * SECOND_NS
_SHARE_NS = SECOND_NS // 4
"""Each poll's own part of the interval where there are many: together they ask 4 times a second, half of the budget."""


class _Bar(Struct, array_like=True):
    time_ms: Milliseconds
    ratio: str


_decode = msgspec.json.Decoder(list[_Bar]).decode


class Ratios:
    """The ratios of some instruments.

    Args:
        data_types: Those of `PATHS` are polled.
    """

    def __init__(self, instruments: Sequence[Instrument], data_types: Sequence[str]) -> None:
        self._requests = [
            _request(data_type, instrument)
            for data_type in data_types
            if data_type in PATHS
            for instrument in instruments
        ]
        self._told_ms = dict.fromkeys(self._requests, -1)

    def polls(self) -> list[Poll]:
        """Return the request for each ratio of each instrument."""
        interval_ns = max(_INTERVAL_NS, len(self._requests) * _SHARE_NS)
        return [Poll(request, interval_ns) for request in self._requests]

    def read(self, request: RestRequest, body: bytes, receive_ns: int) -> list[VenueEvent]:
        """Understand an answer: the finished bars, oldest first; of a poll, those that were not told before."""
        bars = _bars(request, body)
        if isinstance(bars, Refusal):
            return [bars]
        if request.purpose is Purpose.HISTORY:
            finished = [bar for bar in bars if (int(bar.time_ms) + _PERIOD_MS) * 1_000_000 <= receive_ns]
            return [_observed(request, bar, receive_ns) for bar in finished]
        found: list[VenueEvent] = []
        for bar in bars[:-1]:
            if int(bar.time_ms) > self._told_ms[request]:
                event = _observed(request, bar, receive_ns)
                found.append(event)
                if isinstance(event, Observed):
                    self._told_ms[request] = int(bar.time_ms)
        return found


def history_request(data_type: str, instrument: Instrument, start_us: int, end_us: int) -> RestRequest:
    """Return the request for the bars from a time on."""
    end_us = min(end_us, start_us + _BARS_PER_ANSWER * _PERIOD_MS * 1000)
    path = (
        f"{PATHS[data_type]}?instId={quote(instrument.name)}&period={_PERIOD}"
        f"&begin={start_us // 1000}&end={(end_us - 1) // 1000}&limit={_BARS_PER_ANSWER}"
    )
    return RestRequest(Purpose.HISTORY, data_type, instrument, path, 1, end_us=end_us)


def _bars(request: RestRequest, body: bytes) -> list[_Bar] | Refusal:
    data = answer(body)
    if isinstance(data, Refusal):
        return data
    try:
        return sorted(_decode(data), key=lambda bar: int(bar.time_ms))
    except UNREADABLE as error:
        return Refusal(f"{request.data_type}_malformed", f"{error}: {body[:200]!r}")


def _observed(request: RestRequest, bar: _Bar, receive_ns: int) -> VenueEvent:
    assert request.instrument is not None, "a ratio is somebody's"
    return observed(request.data_type, request.instrument, partial(_ratio, bar, receive_ns))


def _request(data_type: str, instrument: Instrument) -> RestRequest:
    path = f"{PATHS[data_type]}?instId={quote(instrument.name)}&period={_PERIOD}&limit={_BARS}"
    return RestRequest(Purpose.POLL, data_type, instrument, path, 1)


def _ratio(bar: _Bar, receive_ns: int) -> LongShortRatio:
    """Compute the shares: long is r / (1 + r), and short is the rest, so that they make one."""
    ratio = parse(unsigned("ratio", bar.ratio))
    long_share = divide(bar.ratio, to_text(ratio + UNIT))
    return LongShortRatio(
        period=_PERIOD,
        ratio=bar.ratio,
        long_share=long_share,
        short_share=to_text(UNIT - parse(long_share)),
        timestamp_us=int(bar.time_ms) * 1000,
        receive_ns=receive_ns,
    )
