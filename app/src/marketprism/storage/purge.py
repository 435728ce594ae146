"""Room in a stream: what was acknowledged is purged in time, so that only unacknowledged messages can ever fill it.

A stream that is full refuses new messages even when everything in it has been read. What was acknowledged lately is
kept for as long as there is room: it is read again after an unclean stop.
"""

import time
from collections import deque
from collections.abc import Callable
from typing import TypeVar

import msgspec

from marketprism.contract.catalog import Stream
from marketprism.storage.consumer import Sequences, ask
from marketprism.storage.link import Link
from marketprism.storage.metrics import StorageMetrics
from marketprism.storage.server_mark import ServerMark
from marketprism.telemetry import logs

PURGE_ABOVE = 0.6
"""Part of a stream's bytes above which old messages go."""

KEEP_NOTHING_ABOVE = 0.8
"""Part above which even what could be read again goes."""

REWIND_SECONDS = 600.0
"""For how long an acknowledged message is kept: by then its rows have outlived a power cut."""

_log = logs.get("storage.purge")
_T = TypeVar("_T")


class _State(msgspec.Struct):
    bytes: int
    first_seq: int
    messages: int


class _Config(msgspec.Struct):
    max_bytes: int


class _StreamInfo(msgspec.Struct):
    state: _State
    config: _Config


class _Consumer(msgspec.Struct):
    ack_floor: Sequences
    config: dict[str, object]


class _Consumers(msgspec.Struct):
    total: int
    consumers: list[_Consumer]


class _Purged(msgspec.Struct):
    purged: int


class AckFloors:
    """How far a stream was acknowledged, and since when."""

    def __init__(self) -> None:
        self._floors: deque[tuple[float, int]] = deque()

    def note(self, now: float, floor: int) -> None:
        """Take note of a floor; one that falls belongs to a stream that was made anew."""
        if self._floors and floor < self._floors[-1][1]:
            self._floors.clear()
        if not self._floors or floor > self._floors[-1][1]:
            self._floors.append((now, floor))

    def before_rewind(self, since: float, until: float) -> int:
        """Return how far was acknowledged `REWIND_SECONDS` before an end of ClickHouse; 0 where that is not known.

        Args:
            since: When its present run began: what was noted before was inserted again then.
            until: When it was last known to go on; it may have ended right after.
        """
        old = until - REWIND_SECONDS
        while self._floors and (self._floors[0][0] < since or (len(self._floors) > 1 and self._floors[1][0] <= old)):
            self._floors.popleft()
        return self._floors[0][1] if self._floors and self._floors[0][0] <= old else 0


def last_to_purge(fill: float, floor: int, floor_before_rewind: int) -> int:
    """Return the last sequence that has to go; 0 for none.

    Args:
        fill: Part of the stream's bytes that is used.
        floor: Sequence up to which every durable consumer has acknowledged.
        floor_before_rewind: See `AckFloors.before_rewind`.
    """
    if fill > KEEP_NOTHING_ABOVE:
        return floor
    return floor_before_rewind if fill > PURGE_ABOVE else 0


class Purge:
    """Keeps one stream from filling up with what was read.

    Args:
        stream: A stream with a consumer.
        server: Tells how long ClickHouse has had what was acknowledged.
        clock: Monotonic seconds.

    Attributes:
        fill: Part of the stream's bytes that was used when it was last asked.
    """

    def __init__(
        self,
        link: Link,
        stream: Stream,
        metrics: StorageMetrics,
        server: ServerMark,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._link = link
        self._stream = stream.name
        self._metrics = metrics
        self._server = server
        self._clock = clock
        self._floors = AckFloors()
        self.fill = 0.0

    async def turn(self) -> None:
        """Look once, and purge where it is time.

        Raises:
            UnavailableError: NATS does not answer.
        """
        stream = await self._ask("STREAM.INFO", _StreamInfo)
        self.fill = stream.state.bytes / stream.config.max_bytes
        listed = await self._ask("CONSUMER.LIST", _Consumers)
        durable = [c.ack_floor.stream_seq for c in listed.consumers if c.config.get("durable_name")]
        if not durable or listed.total > len(listed.consumers):
            return
        floor = min(durable)
        self._floors.note(self._clock(), floor)
        last = last_to_purge(self.fill, floor, self._floors.before_rewind(self._server.since, self._server.until))
        if stream.state.messages and last >= stream.state.first_seq:
            answer = await self._ask("STREAM.PURGE", _Purged, msgspec.json.encode({"seq": last + 1}))
            self._metrics.purged.labels(self._stream).inc(answer.purged)
            _log.info("purged", stream=self._stream, messages=answer.purged, last=last, fill=round(self.fill, 3))

    async def _ask(self, what: str, answer: type[_T], payload: bytes = b"") -> _T:
        subject = f"$JS.API.{what}.{self._stream}"
        return msgspec.json.decode(await ask(self._link.client, subject, payload), type=answer)
