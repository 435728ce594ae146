"""Messages that cannot be stored, laid aside with the reason. Nothing is dropped, and nothing blocks its neighbours."""

from dataclasses import dataclass

import msgspec
import nats.errors
from nats.aio.client import Client as NatsClient

from marketprism.contract.catalog import DEAD_LETTERS, dead_letter_subject
from marketprism.contract.schema import MAX_PAYLOAD_BYTES
from marketprism.contract.wire import (
    MESSAGE_ID_HEADER,
    OMITTED_HEADER,
    REASON_HEADER,
    SEQUENCE_HEADER,
    SUBJECT_HEADER,
)
from marketprism.errors import UnavailableError
from marketprism.storage.consumer import REQUEST_SECONDS, Message

_REASON_LENGTH = 500
_HEADER_ROOM = 4096


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message and why it cannot be stored.

    Attributes:
        reason: One word for metrics.
        detail: One sentence for people.
        events: Events in it, 1 where that cannot be told.
    """

    message: Message
    reason: str
    detail: str
    events: int


class _PubAck(msgspec.Struct):
    stream: str = ""
    error: dict[str, object] | None = None


async def lay_aside(nats_client: NatsClient, stream: str, epoch: int, letter: DeadLetter) -> None:
    """Publish a dead letter and wait until the server has it; doing it again stores nothing twice.

    A message so large that it leaves no room for the headers stays behind in its stream, where the headers point to.

    Args:
        nats_client: Connected as the storage user.
        stream: Where the message came from.
        epoch: See `wire.stream_epoch`.
        letter: The message and the reason.

    Raises:
        UnavailableError: It is not known to be stored.
    """
    message = letter.message
    headers = {
        MESSAGE_ID_HEADER: f"{stream}:{epoch}:{message.stream_seq}",
        REASON_HEADER: _one_line(f"{letter.reason}: {letter.detail}"),
        SUBJECT_HEADER: _one_line(message.subject),
        SEQUENCE_HEADER: str(message.stream_seq),
    }
    payload = message.payload
    if len(payload) > MAX_PAYLOAD_BYTES - _HEADER_ROOM:
        headers[OMITTED_HEADER] = str(len(payload))
        payload = b""
    try:
        answer = await nats_client.request(
            dead_letter_subject(stream), payload, timeout=REQUEST_SECONDS, headers=headers
        )
    except (nats.errors.Error, TimeoutError) as error:
        raise _not_stored(type(error).__name__) from error
    ack = msgspec.json.decode(answer.data, type=_PubAck)
    if ack.error is not None or not ack.stream:
        raise _not_stored(str(ack.error))


def _not_stored(why: str) -> UnavailableError:
    return UnavailableError(
        f"a dead letter was not stored: {why}", remedy=f"see that the stream {DEAD_LETTERS} exists and has room"
    )


def _one_line(text: str) -> str:
    """Make text safe for a header, which is one line of ASCII."""
    # Cut last: a character may become ten.
    ascii_text = text.encode("ascii", "backslashreplace").decode()[:_REASON_LENGTH]
    return ascii_text.replace("\r", " ").replace("\n", " ")
