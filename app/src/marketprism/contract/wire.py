"""Envelopes to bytes and back. JSON, so that any NATS client shows what is inside."""

import zlib
from collections.abc import Sequence

import msgspec

from marketprism.contract.catalog import DATA_TYPES
from marketprism.contract.events import Envelope, Event
from marketprism.contract.instruments import Instrument, Source
from marketprism.errors import ContractError

MESSAGE_ID_HEADER = "Nats-Msg-Id"
REASON_HEADER = "Marketprism-Reason"
"""Why a message was laid aside; it and the next three are headers of dead letters."""

SUBJECT_HEADER = "Marketprism-Subject"
SEQUENCE_HEADER = "Marketprism-Stream-Sequence"
OMITTED_HEADER = "Marketprism-Omitted-Bytes"
"""Size of a payload that is too large to be laid aside; it stays behind in its stream."""

MAX_EVENTS = 50
"""Events in one envelope, at most."""

_encoder = msgspec.json.Encoder()
_decoders: dict[str, msgspec.json.Decoder[Envelope[Event]]] = {
    data_type.name: msgspec.json.Decoder(Envelope[data_type.event])  # type: ignore[name-defined]  # a class by value
    for data_type in DATA_TYPES.values()
}


def encode(data_type: str, source: Source, instrument: Instrument, events: Sequence[Event]) -> bytes:
    """Encode events of one instrument as one message."""
    return _encoder.encode(
        Envelope(
            type=data_type,
            source=source,
            exchange=instrument.exchange,
            market=instrument.market,
            symbol=instrument.symbol,
            instrument=instrument.name,
            contract_size=instrument.contract_size,
            contract_unit=instrument.contract_unit,
            events=events,
        )
    )


def decode(subject: str, payload: bytes) -> Envelope[Event]:
    """Decode one message by the data type that its subject names.

    Raises:
        ContractError: The type is unknown, or the payload is not a valid envelope of it.
    """
    data_type = subject.partition(".")[0]
    decoder = _decoders.get(data_type)
    if decoder is None:
        raise ContractError(f"subject {subject!r} names no known data type", remedy="known are " + ", ".join(_decoders))
    try:
        envelope = decoder.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        message = f"message on {subject!r} is no {data_type} envelope: {error}"
        raise ContractError(message, remedy="see the dead letters") from error
    if envelope.type != data_type:
        raise ContractError(f"envelope of type {envelope.type!r} on subject {subject!r}", remedy="see the dead letters")
    return envelope


def message_id(boot_id: str, counter: int) -> str:
    """Name one message for deduplication.

    Never made of exchange ids: their ranges overlap after a restart, and a reused id would swallow new data.
    """
    return f"{boot_id}:{counter}"


def stream_epoch(stream: str, created: str) -> int:
    """Number one life of a stream: after it was made anew, its sequence starts at 1 again.

    Args:
        stream: Name of the stream.
        created: Its creation time, as the server writes it.
    """
    return zlib.crc32(f"{stream} {created}".encode())
