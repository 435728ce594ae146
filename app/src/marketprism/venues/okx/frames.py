"""The envelopes of OKX: a frame of the WebSocket, and the answer to a REST request.

Source: www.okx.com/docs-v5/en, "Overview". All numbers are text, except the ids and the checksum of books. Fields that
nobody uses are not listed.
"""

from collections.abc import Callable
from typing import Annotated

import msgspec
from msgspec import Meta, Raw, Struct, field

from marketprism.contract.events import Event
from marketprism.contract.instruments import Instrument
from marketprism.errors import ContractError
from marketprism.venues.protocol import UNREADABLE, Notice, NoticeKind, Observed, Refusal, VenueEvent

PING, PONG = b"ping", b"pong"

TradeId = Annotated[str, Meta(pattern=r"\A[0-9]{1,18}\Z")]
"""A natural number as text that 64 bits hold."""

Milliseconds = Annotated[str, Meta(pattern=r"\A[0-9]{1,13}\Z")]
"""UTC milliseconds as text; 13 digits reach to the year 2286."""

_ENDING = "64008"  # "the connection will soon be closed for a service upgrade", a minute before
_OK = "0"
_TOO_MANY_REQUESTS = "50011"  # under HTTP status 429, and under 200


class Argument(Struct):
    """What a subscription is about: one instrument, or all of a type."""

    channel: str
    instrument: str = field(name="instId", default="")
    instrument_type: str = field(name="instType", default="")

    def __str__(self) -> str:
        return f"{self.channel[:60]} {(self.instrument or self.instrument_type)[:60]}"


class Frame(Struct):
    """Any frame but the pong. One with an event is about the connection, one without it brings data."""

    event: str | None = None
    argument: Argument | None = field(name="arg", default=None)
    action: str = ""
    data: Raw = Raw()
    code: str = ""
    message: str = field(name="msg", default="")


class _Answer(Struct):
    code: str
    message: str = field(name="msg", default="")
    data: Raw = Raw()


decode_frame = msgspec.json.Decoder(Frame).decode
_decode_answer = msgspec.json.Decoder(_Answer).decode


def notice(frame: Frame) -> Notice | Refusal:
    """Understand what OKX says about the connection; every argument of a request is acknowledged by itself."""
    detail = f"{frame.code} {frame.message}"[:300]
    match frame.event:
        case "subscribe" | "unsubscribe":
            return Notice(NoticeKind.ACKNOWLEDGED, f"{frame.event} {frame.argument}")
        case "error":
            return Notice(NoticeKind.ERROR, detail)
        case "notice" if frame.code == _ENDING:
            return Notice(NoticeKind.ENDING, detail)
        case _:
            return Refusal("event_unsupported", detail)


def answer(body: bytes) -> Raw | Refusal:
    """Return the data of an answer, or why there is none: ``rest_limited`` asks for a pause."""
    try:
        read = _decode_answer(body)
    except UNREADABLE as error:
        return Refusal("rest_malformed", f"{error}: {body[:200]!r}")
    if read.code != _OK:
        reason = "rest_limited" if read.code == _TOO_MANY_REQUESTS else "rest_refused"
        return Refusal(reason, f"{read.code} {read.message}"[:300])
    return read.data


def observed(data_type: str, instrument: Instrument, make: Callable[[], Event]) -> VenueEvent:
    """Return the event that a row becomes, or the refusal of its numbers."""
    try:
        return Observed(data_type, instrument, make())
    except ContractError as error:
        return Refusal(f"{data_type}_number", f"{instrument}: {error.message}")
