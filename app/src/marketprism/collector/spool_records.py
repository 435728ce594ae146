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
        needed: Bytes from `end` without which it cannot be told how to go on, when they are not all here; else 0.
        sound: False when what follows `end` is no record, however many bytes would be added.
        skipped: Bytes before `end` that are a record no more, where a sound one follows.
    """

    records: list[Record]
    end: int
    needed: int
    sound: bool
    skipped: int


def size(record: Record) -> int:
    """Return the bytes that a record takes."""
    return _FRAME.size + _BODY.size + len(record.id.encode()) + len(record.subject.encode()) + len(record.payload)


def encode(record: Record) -> bytes:
    """Frame one record."""
    name, subject = record.id.encode(), record.subject.encode()
    body = b"".join((_BODY.pack(len(name), len(subject), record.events), name, subject, record.payload))
    return _FRAME.pack(len(body), zlib.crc32(body)) + body


def decode(data: bytes, most: int) -> Decoded:
    """Read records from the start of some bytes, `most` at most, up to the first that is torn or not sound.

    A changed record whose length still leads to a sound one is skipped: it must not take those after it along.
    """
    records: list[Record] = []
    end = skipped = 0
    while len(records) < most and end < len(data):
        begin = end
        stop, record = _frame(data, begin)
        if record is None and stop <= len(data):
            begin = stop
            stop, record = _frame(data, begin)
        if record is None:
            torn = stop > len(data)
            return Decoded(records, end, needed=stop - end if torn else 0, sound=torn, skipped=skipped)
        records.append(record)
        skipped += begin - end
        end = stop
    return Decoded(records, end, needed=0, sound=True, skipped=skipped)


def hides_records(rest: bytes) -> bool:
    """Say whether sound records may follow the damage at the start of some bytes: it is no single record, nor zeros."""
    stop, _ = _frame(rest, 0)
    return stop < len(rest) and any(rest)


def _frame(data: bytes, begin: int) -> tuple[int, Record | None]:
    """Return where a record ends, as far as that can be told, and the record when it is all there and sound."""
    start = begin + _FRAME.size
    if start > len(data):
        return start, None
    length, checksum = _FRAME.unpack_from(data, begin)
    stop = start + length
    body = data[start:stop]
    is_sound = stop <= len(data) and length >= _BODY.size and zlib.crc32(body) == checksum
    return stop, _record(body) if is_sound else None


def _record(body: bytes) -> Record | None:
    id_length, subject_length, events = _BODY.unpack_from(body)
    subject_at = _BODY.size + id_length
    payload_at = subject_at + subject_length
    try:
        name, subject = body[_BODY.size : subject_at].decode(), body[subject_at:payload_at].decode()
    except UnicodeDecodeError:
        return None
    return Record(name, subject, body[payload_at:], events)
