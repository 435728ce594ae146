"""A batch of messages -> rows by data type, and the messages that are none."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import msgspec

from marketprism.contract import wire
from marketprism.contract.catalog import DATA_TYPES, subject
from marketprism.contract.events import Envelope, Event
from marketprism.contract.instruments import Instrument, escape_token, require_symbol, unescape_token
from marketprism.errors import ContractError
from marketprism.storage.columns import Rows
from marketprism.storage.consumer import Message
from marketprism.storage.dead_letters import DeadLetter

_CHUNK_EVENTS = 250
"""About so many events are turned into columns at once: more do not fit the processor's cache, and take longer each."""


@dataclass(slots=True)
class Decoded:
    """What a batch of messages holds.

    Attributes:
        messages: In the order of the stream.
        rows: Rows by data type, at least one each, in the order of the messages.
        dead: Messages that cannot be stored.
    """

    messages: Sequence[Message]
    rows: dict[str, Rows] = field(default_factory=dict)
    dead: list[DeadLetter] = field(default_factory=list)


def decode(messages: Sequence[Message], epoch: int) -> Decoded:
    """Decode messages; what cannot be decoded or stored exactly is among the dead letters.

    Args:
        messages: In the order of the stream.
        epoch: See `wire.stream_epoch`.
    """
    decoded = Decoded(messages)
    chunks: dict[str, list[tuple[Message, Envelope[Event]]]] = {}
    for message in messages:
        try:
            envelope = wire.decode(message.subject, message.payload)
        except ContractError as error:
            decoded.dead.append(DeadLetter(message, "undecodable", str(error), _count_events(message.payload)))
            continue
        try:
            _require_place(message.subject, envelope)
        except ContractError as error:
            decoded.dead.append(_unstorable(message, envelope, error))
            continue
        chunk = chunks.setdefault(envelope.type, [])
        chunk.append((message, envelope))
        if len(chunk) * len(envelope.events) >= _CHUNK_EVENTS:
            _add(chunks.pop(envelope.type), epoch, decoded)
    for chunk in chunks.values():
        _add(chunk, epoch, decoded)
    decoded.rows = {data_type: rows for data_type, rows in decoded.rows.items() if len(rows)}
    decoded.dead.sort(key=lambda letter: letter.message.stream_seq)
    return decoded


def _add(chunk: list[tuple[Message, Envelope[Event]]], epoch: int, decoded: Decoded) -> None:
    """Add the rows of messages of one type; where one of them is refused, message by message."""
    data_type = chunk[0][1].type
    rows = decoded.rows.setdefault(data_type, Rows(data_type))
    try:
        rows.extend([envelope for _, envelope in chunk], epoch, [message.stream_seq for message, _ in chunk])
    except ContractError:
        for message, envelope in chunk:
            try:
                rows.extend([envelope], epoch, [message.stream_seq])
            except ContractError as error:
                decoded.dead.append(_unstorable(message, envelope, error))


def _unstorable(message: Message, envelope: Envelope[Event], error: ContractError) -> DeadLetter:
    return DeadLetter(message, "unstorable", error.message, len(envelope.events))


def data_types(subjects: Sequence[str]) -> list[str]:
    """Name the data types of a stream's subjects."""
    return [name for name in DATA_TYPES if f"{name}.>" in subjects]


def _require_place(actual: str, envelope: Envelope[Event]) -> None:
    if (envelope.type, envelope.exchange, envelope.market, envelope.symbol) != _place(actual):
        about = Instrument(exchange=envelope.exchange, market=envelope.market, symbol=envelope.symbol, name="")
        expected = subject(envelope.type, about)
        raise ContractError(f"envelope of {expected!r} on subject {actual!r}", remedy="see the dead letters")


@lru_cache(maxsize=10_000)
def _place(actual: str) -> tuple[str, ...]:
    """Return data type, exchange, market and symbol that a subject names; nothing where it is no subject of ours.

    Raises:
        ContractError: The symbol is not canonical.
    """
    *place, token = actual.split(".")
    symbol = unescape_token(token)
    return (*place, require_symbol(symbol)) if escape_token(symbol) == token else ()


def _count_events(payload: bytes) -> int:
    """Count the events of a message that is no valid envelope; 1 where even that cannot be told."""
    try:
        content = msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return 1
    events = content.get("events") if isinstance(content, dict) else None
    return max(1, len(events)) if isinstance(events, list) else 1
