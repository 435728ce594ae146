"""What became of every message of a stream: its rows, a dead letter, events that were stored before, or nothing.

Messages up to the acknowledged one are final. Each of them has a sequence, and so has each row: the messages that have
no row are read again, and their events looked up.
"""

import asyncio
import base64
import time
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, islice
from typing import Any, Literal

from marketprism.clickhouse_http import ClickHouseHttp
from marketprism.contract import wire
from marketprism.contract.catalog import DATA_TYPES, HOT_DATABASE, Stream
from marketprism.errors import ContractError, UnavailableError
from marketprism.ops.dead_letters import NO_MESSAGE, RETRY, headers_of, letters, read
from marketprism.ops.stored_events import are_stored
from marketprism.ops.streams import JetStream

_POLL_SECONDS = 0.2
_AT_ONCE = 200
MOST_LOOKED_UP = 100_000
"""Messages without a row that are looked up. A second collector brings one for each of the first."""

Fate = Literal["dead", "absent", "repeated", "lost", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """The messages of one stream in a stretch of time.

    Attributes:
        first: Sequence of the first one.
        last: Of the last one that storage has acknowledged.
        messages: Those between, both included, that the stream holds.
        stored: Those of which there are rows.
        dead_lettered: Those that were laid aside, or whose bytes were when they had been published again.
        repeated: Those whose events had all been stored before.
        lost: Those of which there is nothing; their events are in no table.
        unknown: Those without a row that were too many to be looked up, or that JetStream refuses to show.
        pending: Messages after `last`.
        rows: Rows of the messages between.
    """

    stream: str
    first: int
    last: int
    messages: int
    stored: int
    dead_lettered: int
    repeated: int
    lost: int
    unknown: int
    pending: int
    rows: int


async def delivery(jetstream: JetStream, clickhouse: ClickHouseHttp, stream: Stream, since_us: int) -> Delivery:
    """Compare a stream that storage reads with the tables.

    Raises:
        UnavailableError: A server does not answer, or the stream or its consumer does not exist.
    """
    info = await _ask(jetstream, f"STREAM.INFO.{stream.name}")
    consumer = await _ask(jetstream, f"CONSUMER.INFO.{stream.name}.{stream.consumer}")
    last = int(consumer["ack_floor"]["stream_seq"])
    first = await _first_since(jetstream, stream.name, info["state"], since_us)
    epoch = wire.stream_epoch(stream.name, info["created"])
    stored, rows, gaps = _in_tables(clickhouse, stream, epoch, first, last)
    without_rows = list(islice(chain.from_iterable(gaps), MOST_LOOKED_UP))
    dead = await _dead_letters(jetstream, stream.name, epoch) if without_rows else set()
    each: dict[int, Fate] = dict.fromkeys(dead.intersection(without_rows), "dead")
    alive = [sequence for sequence in without_rows if sequence not in dead]
    for start in range(0, len(alive), _AT_ONCE):
        each |= await _fates(jetstream, clickhouse, stream.name, alive[start : start + _AT_ONCE])
    if "lost" in each.values():
        each |= dict.fromkeys((await _retried(jetstream, stream.name, epoch, dead)) & each.keys(), "dead")
    fates = Counter(each.values())
    messages = max(0, last - first + 1)
    return Delivery(
        stream=stream.name,
        first=first,
        last=last,
        messages=messages - fates["absent"],
        stored=stored,
        dead_lettered=fates["dead"],
        repeated=fates["repeated"],
        lost=fates["lost"],
        unknown=messages - stored - len(without_rows) + fates["unknown"],
        pending=max(0, int(info["state"]["last_seq"]) - last),
        rows=rows,
    )


async def settled(jetstream: JetStream, stream: Stream, seconds: float) -> None:
    """Wait until all that a stream holds now has been stored or laid aside.

    Raises:
        UnavailableError: Storage needs longer, or NATS does not answer.
    """
    last = int((await _ask(jetstream, f"STREAM.INFO.{stream.name}"))["state"]["last_seq"])
    deadline = time.monotonic() + seconds
    while True:
        info = await _ask(jetstream, f"CONSUMER.INFO.{stream.name}.{stream.consumer}")
        behind = last - int(info["ack_floor"]["stream_seq"])
        if behind <= 0:
            return
        if time.monotonic() > deadline:
            remedy = "see 'systemctl status marketprism-storage@hot', and try again when it has caught up"
            raise UnavailableError(f"storage is {behind} messages of {stream.name} behind", remedy=remedy)
        await asyncio.sleep(_POLL_SECONDS)


def _in_tables(
    clickhouse: ClickHouseHttp, stream: Stream, epoch: int, first: int, last: int
) -> tuple[int, int, list[range]]:
    """Return the messages that have rows, their rows, and the sequences between that have none."""
    if last < first:
        return 0, 0, []
    places = " UNION ALL ".join(
        f"SELECT stream_seq, item FROM {HOT_DATABASE}.{found.table}"
        f" WHERE stream_epoch = {epoch} AND stream_seq BETWEEN {first} AND {last}"
        for found in DATA_TYPES.values()
        if found.stream == stream.name
    )
    (total,) = clickhouse.rows(f"SELECT uniqExact(stream_seq) AS messages, count() AS rows FROM ({places})")
    gaps = clickhouse.rows(
        f"SELECT before, stream_seq FROM (SELECT stream_seq, lagInFrame(stream_seq, 1, toUInt64({first - 1})) OVER"
        " (ORDER BY stream_seq ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS before"
        f" FROM (SELECT DISTINCT stream_seq FROM ({places}) UNION ALL SELECT toUInt64({last + 1})))"
        f" WHERE stream_seq > before + 1 ORDER BY before LIMIT {MOST_LOOKED_UP}"
    )
    return total["messages"], total["rows"], [range(row["before"] + 1, row["stream_seq"]) for row in gaps]


async def _fates(
    jetstream: JetStream, clickhouse: ClickHouseHttp, stream: str, sequences: list[int]
) -> dict[int, Fate]:
    """Tell what became of messages that have no row and were not laid aside."""
    fates: dict[int, Fate] = {}
    envelopes = {}
    looks = (jetstream.call(f"STREAM.MSG.GET.{stream}", {"seq": sequence}) for sequence in sequences)
    for sequence, answer in zip(sequences, await asyncio.gather(*looks), strict=True):
        if "error" in answer:
            fates[sequence] = "absent" if answer["error"].get("err_code") == NO_MESSAGE else "unknown"
            continue
        message = answer["message"]
        try:
            envelopes[sequence] = wire.decode(message["subject"], base64.b64decode(message.get("data", "")))
        except ContractError:
            fates[sequence] = "lost"
    for sequence, is_stored in zip(envelopes, are_stored(clickhouse, list(envelopes.values())), strict=True):
        fates[sequence] = "repeated" if is_stored else "lost"
    absent = [sequence for sequence, fate in fates.items() if fate == "absent"]
    if absent:
        # The stream says what it removed; what it cannot read any more it calls absent as well.
        state = (await _ask(jetstream, f"STREAM.INFO.{stream}", {"deleted_details": True}))["state"]
        removed = set(state.get("deleted") or ())
        fates |= {each: "lost" for each in absent if each >= int(state["first_seq"]) and each not in removed}
    return fates


async def _dead_letters(jetstream: JetStream, stream: str, epoch: int) -> set[int]:
    """Return the sequences of all messages of a stream that were laid aside."""
    prefix = f"{stream}:{epoch}:"
    return {each.stream_sequence async for each in letters(jetstream) if each.message_id.startswith(prefix)}


async def _retried(jetstream: JetStream, stream: str, epoch: int, dead: set[int]) -> set[int]:
    """Return the messages whose bytes were published again as one that was laid aside, again and again perhaps."""
    prefix = f"{RETRY}{stream}:{epoch}:"
    originals: set[int] = set()
    copies = list(dead)
    while copies:
        message = await read(jetstream, stream, {"seq": copies.pop()})
        message_id = "" if message is None else headers_of(message).get(wire.MESSAGE_ID_HEADER, "")
        place = message_id.removeprefix(prefix)
        if place != message_id and place.isdecimal():
            original = int(place)
            originals.add(original)
            copies.append(original)
    return originals


async def _first_since(jetstream: JetStream, stream: str, state: dict[str, Any], since_us: int) -> int:
    """Return the sequence of the first message that came at a time or later, by halving."""
    low, high = max(1, int(state["first_seq"])), int(state["last_seq"]) + 1  # an empty stream begins with 0
    while low < high:
        middle = (low + high) // 2
        message = await read(jetstream, stream, {"seq": middle, "next_by_subj": ">"})
        if message is not None and datetime.fromisoformat(message["time"]).timestamp() * 1e6 < since_us:
            low = message["seq"] + 1
        else:
            high = middle
    return low


async def _ask(jetstream: JetStream, subject: str, body: object = None) -> dict[str, Any]:
    answer = await jetstream.call(subject, body)
    error = answer.get("error")
    if error is not None:
        raise UnavailableError(
            f"JetStream refuses {subject}: {error.get('description')}", remedy="run 'marketprism streams apply'"
        )
    return answer
