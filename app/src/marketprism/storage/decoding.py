"""A batch of messages -> rows by data type, and the messages that are none."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import msgspec

from marketprism.contract import wire
from marketprism.contract.catalog import DATA_TYPES, subject
from marketprism.contract.events import Envelope, Event
from marketprism.contract.instruments import Exchange, Instrument, Market
from marketprism.errors import ContractError
from marketprism.storage.columns import Rows
from marketprism.storage.consumer import Message
from marketprism.storage.dead_letters import DeadLetter


@dataclass(slots=True)
class Decoded:
    """What a batch of messages holds.

    Attributes:
        rows: Rows by data type, at least one each, in the order of the messages.
        dead: Messages that cannot be stored.
    """

    rows: dict[str, Rows] = field(default_factory=dict)
    dead: list[DeadLetter] = field(default_factory=list)


def decode(messages: Sequence[Message], epoch: int) -> Decoded:
    """Decode messages; what cannot be decoded or stored exactly is among the dead letters.

    Args:
        messages: In the order of the stream.
        epoch: See `wire.stream_epoch`.
    """
    decoded = Decoded()
    for message in messages:
        try:
            envelope = wire.decode(message.subject, message.payload)
        except ContractError as error:
            decoded.dead.append(DeadLetter(message, "undecodable", str(error), _count_events(message.payload)))
            continue
        try:
            _require_place(message.subject, envelope)
            rows = decoded.rows.get(envelope.type)
            if rows is None:
                rows = decoded.rows[envelope.type] = Rows(envelope.type)
            rows.append(envelope, epoch, message.stream_seq)
        except ContractError as error:
            decoded.dead.append(DeadLetter(message, "unstorable", error.message, len(envelope.events)))
    decoded.rows = {data_type: rows for data_type, rows in decoded.rows.items() if len(rows)}
    return decoded


def data_types(subjects: Sequence[str]) -> list[str]:
    """Name the data types of a stream's subjects."""
    return [name for name in DATA_TYPES if f"{name}.>" in subjects]


def _require_place(actual: str, envelope: Envelope[Event]) -> None:
    expected = _subject(envelope.type, envelope.exchange, envelope.market, envelope.symbol)
    if actual != expected:
        raise ContractError(f"envelope of {expected!r} on subject {actual!r}", remedy="see the dead letters")


@lru_cache(maxsize=10_000)
def _subject(data_type: str, exchange: Exchange, market: Market, symbol: str) -> str:
    return subject(data_type, Instrument(exchange=exchange, market=market, symbol=symbol, name=""))


def _count_events(payload: bytes) -> int:
    """Count the events of a message that is no valid envelope; 1 where even that cannot be told."""
    try:
        content = msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return 1
    events = content.get("events") if isinstance(content, dict) else None
    return max(1, len(events)) if isinstance(events, list) else 1
