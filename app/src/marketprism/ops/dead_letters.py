"""What storage laid aside: look at it, publish it again, or drop it.

Nothing here has a consumer: letters are read one by one by their place, so that looking changes nothing.
"""

import base64
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from email.message import Message
from email.parser import BytesHeaderParser
from typing import Any

from marketprism.contract.catalog import DEAD_LETTERS, dead_letter_subject
from marketprism.contract.wire import (
    MESSAGE_ID_HEADER,
    OMITTED_HEADER,
    REASON_HEADER,
    SEQUENCE_HEADER,
    SUBJECT_HEADER,
)
from marketprism.errors import ContractError, UnavailableError
from marketprism.ops.streams import JetStream

NO_MESSAGE = 10037
"""JetStream's ``err_code`` for a place in a stream that has no message, or none that can be read."""

RETRY = "retry:"
"""Begins the message id of a letter that was published again; the letter's own id follows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One message that could not be stored.

    Attributes:
        sequence: Its place among the dead letters.
        stream: The stream it came from.
        stream_sequence: Its place there.
        subject: The subject it was published on.
        reason: One word for its kind, a colon, one sentence.
        time: When it was laid aside, in UTC.
        payload: The original bytes.
        omitted_bytes: Size of a payload that stayed behind in its stream; then `payload` is empty.
        message_id: The letter's own message id.
    """

    sequence: int
    stream: str
    stream_sequence: int
    subject: str
    reason: str
    time: str
    payload: bytes
    omitted_bytes: int
    message_id: str


async def letters(jetstream: JetStream) -> AsyncIterator[Letter]:
    """Yield every letter, oldest first.

    Raises:
        UnavailableError: NATS does not answer, or the stream is missing.
    """
    sequence = 1
    while True:
        message = await read(jetstream, DEAD_LETTERS, {"seq": sequence, "next_by_subj": dead_letter_subject("*")})
        if message is None:
            return
        yield _letter(message)
        sequence = int(message["seq"]) + 1


async def letter(jetstream: JetStream, sequence: int) -> Letter:
    """Return one letter.

    Raises:
        ContractError: There is none of this number.
        UnavailableError: NATS does not answer, or the stream is missing.
    """
    message = await read(jetstream, DEAD_LETTERS, {"seq": sequence})
    if message is None:
        raise ContractError(f"there is no dead letter {sequence}", remedy="see 'marketprism dead-letters list'")
    return _letter(message)


async def original(jetstream: JetStream, laid_aside: Letter) -> bytes:
    """Return the original bytes; those that were too large to be laid aside come from their stream.

    Raises:
        ContractError: The stream no longer holds them.
        UnavailableError: NATS does not answer.
    """
    if not laid_aside.omitted_bytes:
        return laid_aside.payload
    message = await read(jetstream, laid_aside.stream, {"seq": laid_aside.stream_sequence})
    payload = base64.b64decode(message.get("data", "")) if message is not None else b""
    # A stream that was made anew has another message in this place.
    if message is None or message["subject"] != laid_aside.subject or len(payload) != laid_aside.omitted_bytes:
        raise ContractError(
            f"the {laid_aside.omitted_bytes} bytes of dead letter {laid_aside.sequence} are no longer in"
            f" {laid_aside.stream}",
            remedy="drop the letter; a backfill may bring its events",
        )
    return payload


async def retry(jetstream: JetStream, sequences: Sequence[int]) -> None:
    """Publish letters again where they came from, each under a new message id, then remove them.

    The id is made of the letter's: an interrupted retry can be repeated without publishing twice.

    Raises:
        ContractError: There is no such letter, its bytes are gone, or the stream refuses it; the letter stays.
        UnavailableError: No acknowledgement came; the letter stays.
    """
    for sequence in sequences:
        found = await letter(jetstream, sequence)
        payload = await original(jetstream, found)
        headers = {MESSAGE_ID_HEADER: f"{RETRY}{found.message_id}"}
        answer = await jetstream.publish(found.subject, payload, headers)
        if "error" in answer or "stream" not in answer:
            description = answer.get("error", {}).get("description", answer)
            raise ContractError(
                f"dead letter {sequence} cannot be published on {found.subject!r}: {description}",
                remedy="it stays where it is; see 'marketprism dead-letters show'",
            )
        await drop(jetstream, [sequence])


async def drop(jetstream: JetStream, sequences: Sequence[int]) -> None:
    """Remove letters for good.

    Raises:
        ContractError: There is no such letter.
        UnavailableError: NATS does not answer or refuses.
    """
    for sequence in sequences:
        await letter(jetstream, sequence)
        answer = await jetstream.call(f"STREAM.MSG.DELETE.{DEAD_LETTERS}", {"seq": sequence, "no_erase": True})
        _require_success(answer, f"dead letter {sequence} cannot be removed")


async def read(jetstream: JetStream, stream: str, request: dict[str, object]) -> dict[str, Any] | None:
    """Return a message of a stream as the JetStream API writes it; None where there is none.

    Raises:
        UnavailableError: NATS does not answer or refuses.
    """
    answer = await jetstream.call(f"STREAM.MSG.GET.{stream}", request)
    if answer.get("error", {}).get("err_code") == NO_MESSAGE:
        return None
    _require_success(answer, f"{stream} cannot be read")
    message: dict[str, Any] = answer["message"]
    return message


def _require_success(answer: dict[str, Any], what: str) -> None:
    if "error" in answer:
        raise UnavailableError(
            f"{what}: {answer['error'].get('description')}", remedy="run 'marketprism streams apply'"
        )


def headers_of(message: dict[str, Any]) -> Message:
    """Return the headers of a message that was read."""
    _version, _, lines = base64.b64decode(message.get("hdrs", "")).partition(b"\r\n")
    return BytesHeaderParser().parsebytes(lines)


def _letter(message: dict[str, Any]) -> Letter:
    headers = headers_of(message)
    return Letter(
        sequence=message["seq"],
        stream=message["subject"].partition(".")[2],
        stream_sequence=int(headers[SEQUENCE_HEADER]),
        subject=headers[SUBJECT_HEADER],
        reason=headers[REASON_HEADER],
        time=message["time"],
        payload=base64.b64decode(message.get("data", "")),
        omitted_bytes=int(headers.get(OMITTED_HEADER, "0")),
        message_id=headers[MESSAGE_ID_HEADER],
    )
