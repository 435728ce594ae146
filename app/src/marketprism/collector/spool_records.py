"""Records of the spool: one message each, framed so that a torn or changed one is never taken for a sound one.

Little-endian: length of the body (u32), CRC32 of the body (u32), body. The body: length of the message id (u16), length
of the subject (u16), number of events (u32), id, subject, payload. A run of zeros, which is what a power cut leaves at
the end of a file, is no record: its body would be too short.
"""

import struct
import zlib
from dataclasses import dataclass
from typing import NamedTuple

_FRAME = struct.Struct("<II")
_BODY = struct.Struct("<HHI")


class Record(NamedTuple):
    """One message as the spool keeps it.

    Attributes:
        id: Its ``Nats-Msg-Id``, which it keeps however often it is sent and by whichever run.
        events: How many events the payload holds.
    """

    id: str
    subject: str
    payload: bytes
    events: int


@dataclass(frozen=True, slots=True)
class Decoded:
    """What a stretch of bytes holds.

    Attributes:
        records: In the order in which they were written.
        end: Where the last of them ends.
        needed: Bytes from `end` that the next record says it takes, when they are not all here; else 0.
        sound: False when what follows `end` is no record, however many bytes would be added.
    """

    records: list[Record]
    end: int
    needed: int
    sound: bool


def size(record: Record) -> int:
    """Return the bytes that a record takes."""
    return _FRAME.size + _BODY.size + len(record.id.encode()) + len(record.subject.encode()) + len(record.payload)


def encode(record: Record) -> bytes:
    """Frame one record."""
    name, subject = record.id.encode(), record.subject.encode()
    body = b"".join((_BODY.pack(len(name), len(subject), record.events), name, subject, record.payload))
    return _FRAME.pack(len(body), zlib.crc32(body)) + body


def decode(data: bytes, most: int) -> Decoded:
    """Read records from the start of some bytes, `most` at most, up to the first that is torn or not sound."""
    records: list[Record] = []
    end = 0
    while len(records) < most and end < len(data):
        if len(data) - end < _FRAME.size:
            return Decoded(records, end, needed=_FRAME.size, sound=True)
        length, checksum = _FRAME.unpack_from(data, end)
        start = end + _FRAME.size
        if len(data) - start < length:
            return Decoded(records, end, needed=_FRAME.size + length, sound=True)
        body = data[start : start + length]
        record = _record(body) if length >= _BODY.size and zlib.crc32(body) == checksum else None
        if record is None:
            return Decoded(records, end, needed=0, sound=False)
        records.append(record)
        end = start + length
    return Decoded(records, end, needed=0, sound=True)


def _record(body: bytes) -> Record | None:
    id_length, subject_length, events = _BODY.unpack_from(body)
    subject_at = _BODY.size + id_length
    payload_at = subject_at + subject_length
    try:
        name, subject = body[_BODY.size : subject_at].decode(), body[subject_at:payload_at].decode()
    except UnicodeDecodeError:
        return None
    return Record(name, subject, body[payload_at:], events)
