"""One stream's way into its tables: pull, store, lay aside what cannot be stored, acknowledge."""

import asyncio
import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

from marketprism.contract.catalog import Stream
from marketprism.contract.schema import consumer_config
from marketprism.errors import UnavailableError
from marketprism.settings import Settings
from marketprism.storage.consumer import Session, pending_messages
from marketprism.storage.dead_letters import DeadLetter, lay_aside
from marketprism.storage.decoding import Decoded, decode
from marketprism.storage.freshness import Freshness
from marketprism.storage.link import Link
from marketprism.storage.metrics import StorageMetrics
from marketprism.storage.purge import REWIND_SECONDS
from marketprism.storage.rewind import rewound
from marketprism.storage.server_mark import ServerMark
from marketprism.storage.writer import Stored, Writer
from marketprism.telemetry import logs
from marketprism.telemetry.watchdog import Beat

BATCH_BYTES = 8 * 1024 * 1024
"""Most bytes of one pull; far below the 64 MiB at which the server cuts a slow consumer's connection."""

_FIRST_DELAY, _LONGEST_DELAY = 0.2, 5.0
_NEWEST_SECONDS = 3600
_SERVER_SECONDS = 5.0
_SHORTEST_PULL_SECONDS = 0.1
_ENOUGH_EVENTS = 250
_SLOW_INSERT_SECONDS = 5.0
"""Behind an insert of this length nothing is taken ahead: its own acknowledgement would come as late, and
``ack_wait`` is half a minute."""

_LONGEST_WAIT_SECONDS = 1.0
P = ParamSpec("P")
T = TypeVar("T")


class _StoppedError(Exception):
    """The service stops; what is in hand stays unacknowledged and is delivered again."""


def delays() -> Iterator[float]:
    """Yield seconds to wait before each attempt: doubling up to a limit, jittered, for ever."""
    delay = _FIRST_DELAY
    while True:
        yield delay * random.uniform(0.75, 1.25)  # noqa: S311 (jitter is no secret)
        delay = min(delay * 2, _LONGEST_DELAY)


def until_next_insert(batch_seconds: float, events: int, elapsed: float) -> float:
    """Return seconds to the next insert: those in which enough events come, at least `batch_seconds`, up to one second.

    An insert of 100 rows takes the server as long as one of 1,000, and every insert is a part that it has to merge:
    with two symbols and a fixed 0.25 s the server took 81 % of a core, with 1 s 28 %.

    Args:
        batch_seconds: The setting; where it is more than a second, it is the answer.
        events: What came in the last `elapsed` seconds.
        elapsed: Seconds since the insert before.
    """
    longest = max(batch_seconds, _LONGEST_WAIT_SECONDS)
    return min(max(_ENOUGH_EVENTS * elapsed / max(events, 1), batch_seconds), longest)


class Flow:
    """Reads one stream until it is told to stop.

    Args:
        stream: The stream; its consumer exists already or will be made by ``marketprism streams apply``.
        writer: Used by this flow alone.
        server: Tells whether the server that the writer meets still has every acknowledged row.
        beat: Shows the service manager that the flow makes progress or what it waits for.
        stop: Set when the service stops.

    Attributes:
        ready: Whether both sides were reached once.
    """

    def __init__(
        self,
        *,
        stream: Stream,
        settings: Settings,
        link: Link,
        writer: Writer,
        server: ServerMark,
        metrics: StorageMetrics,
        freshness: Freshness,
        beat: Beat,
        stop: asyncio.Event,
    ) -> None:
        self.stream = stream
        self.writer = writer
        self.ready = False
        self._settings = settings
        self._link = link
        self._metrics = metrics
        self._freshness = freshness
        self.beat = beat
        self._stop = stop
        self._server = server
        self._rewind_due = False
        self._server_due = 0.0
        self._insert_due = 0.0
        self._pulled = 0.0
        self._store_seconds = 0.0
        self._session: Session | None = None
        self._ahead: asyncio.Task[Decoded | None] | None = None
        self._pending = 0
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"store-{stream.name}")
        self._batch_messages = min(settings.storage.batch_events, consumer_config(stream)["max_ack_pending"] // 2)
        self._log = logs.get("storage.flow").bind(stream=stream.name)
        link.when_broken(self._break)

    @property
    def pending(self) -> int:
        """Messages of the stream that are not acknowledged yet, when `measure` last asked."""
        return self._pending

    @property
    def acknowledged(self) -> int:
        """Sequence up to which everything is stored or laid aside."""
        return self._session.ack_floor if self._session is not None else 0

    async def run(self) -> None:
        """Read, session after session.

        Raises:
            UnavailableError: NATS refuses us for good.
        """
        waits = delays()
        try:
            while not self._stop.is_set():
                await self._connected()
                if await self._read():
                    waits = delays()
                await self._pause(next(waits))
        except _StoppedError:
            pass
        finally:
            await asyncio.get_running_loop().run_in_executor(self._thread, self.writer.close)
            self._thread.shutdown(wait=False)

    async def measure(self) -> None:
        """Ask how many messages are pending.

        Raises:
            UnavailableError: NATS does not answer.
        """
        self._pending = await pending_messages(self._link.client, self.stream)

    async def _read(self) -> bool:
        """Read one session to its end; True when it brought something."""
        self._session = session = Session(self._link.client, self.stream)
        batches = 0
        try:
            await session.open()
            await self._note_server()
            if self._rewind_due:
                await self._rewind(session)
            await self._begin(session)
            self._metrics.sessions.labels(self.stream.name).inc()
            while not self._stop.is_set() and not self._rewind_due:
                await self._one_batch(session)
                batches += 1
                if time.monotonic() >= self._server_due:
                    await self._note_server()
        except UnavailableError as error:
            self._log.warning("session ended", reason=error.message, remedy=error.remedy)
            self.beat.cause = f"NATS: {error.message}"
        finally:
            await self._drop_ahead()
            await session.close()
        return batches > 0

    async def _one_batch(self, session: Session) -> None:
        started = time.monotonic()
        seconds = max(self._insert_due - started, _SHORTEST_PULL_SECONDS)
        batch = await (self._ahead or self._take(session, seconds))
        self._ahead = None
        pulled = time.monotonic()
        elapsed, self._pulled = pulled - self._pulled, pulled
        self._insert_due = pulled + until_next_insert(self._settings.storage.batch_seconds, 0, elapsed)
        self._go_on()
        if batch is None:
            return
        messages = batch.messages
        self._metrics.redelivered.labels(self.stream.name).inc(sum(m.deliveries > 1 for m in messages))
        if messages[-1].pending >= len(messages) and self._store_seconds < _SLOW_INSERT_SECONDS:
            take = self._take(session, _SHORTEST_PULL_SECONDS)
            self._ahead = asyncio.create_task(take, name=f"ahead-{self.stream.name}")
        result = await self._store(session, batch)
        stored = time.monotonic()
        self._store_seconds = stored - pulled
        events = result.stored.total() + result.duplicates.total()
        self._insert_due = pulled + until_next_insert(self._settings.storage.batch_seconds, events, elapsed)
        await self._lay_aside(session.epoch, result.dead)
        self._count(result)
        await session.acknowledge(messages[-1])
        self._metrics.messages.labels(self.stream.name).inc(len(messages))
        acknowledged = time.monotonic()
        phases = {"pull": pulled - started, "store": stored - pulled, "acknowledge": acknowledged - stored}
        for phase, seconds in phases.items():
            self._metrics.phase_seconds.labels(self.stream.name, phase).observe(seconds)

    async def _take(self, session: Session, seconds: float) -> Decoded | None:
        """Pull and decode a batch, in a thread that the insert of the one before it leaves free."""
        messages = await session.pull(messages=self._batch_messages, size=BATCH_BYTES, seconds=seconds)
        return await asyncio.to_thread(decode, messages, session.epoch) if messages else None

    async def _drop_ahead(self) -> None:
        """Forget what was taken ahead; it comes again."""
        ahead, self._ahead = self._ahead, None
        if ahead is not None:
            ahead.cancel()
            await asyncio.gather(ahead, return_exceptions=True)

    async def _rewind(self, session: Session) -> None:
        """Read again what was acknowledged lately, and insert what the table has lost."""
        started = await self._until_clickhouse_answers(self.writer.server_started)
        first = await self._until_clickhouse_answers(self.writer.rewind_start, session.epoch, REWIND_SECONDS)
        if first <= session.ack_floor:
            await self._read_again(session, first)
        self._server.set(started)

    async def _read_again(self, session: Session, first: int) -> None:
        read = restored = 0
        try:
            async with rewound(self._link.client, self.stream, first) as again:
                self._session = again
                await self._begin(again)
                while messages := await again.pull(messages=self._batch_messages, size=BATCH_BYTES, seconds=1):
                    acknowledged = [m for m in messages if m.stream_seq <= session.ack_floor]
                    if acknowledged:
                        batch = await asyncio.to_thread(decode, acknowledged, again.epoch)
                        restored += (await self._store(again, batch)).inserted.total()
                        read += len(acknowledged)
                    if messages[-1].stream_seq >= session.ack_floor:
                        break
                    await self._pause(0)
        finally:
            self._session = session
        self._metrics.restored.labels(self.stream.name).inc(restored)
        self._log.info("rewound", first=first, last=session.ack_floor, messages=read, restored_rows=restored)

    async def _connected(self) -> None:
        """Wait for NATS, or for the end of the service."""
        if not self._link.is_connected:
            self.beat.cause = "NATS: disconnected"
        waiting = asyncio.create_task(self._link.wait_until_connected(), name="connected")
        stopping = asyncio.create_task(self._stop.wait(), name="stop")
        await asyncio.wait((waiting, stopping), return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not waiting.done():
            waiting.cancel()
            raise _StoppedError
        waiting.result()

    async def _begin(self, session: Session) -> None:
        """Learn from ClickHouse what is stored; waits for it as long as it takes."""
        await self._until_clickhouse_answers(self.writer.begin, session.epoch, session.ack_floor)
        await self._note_server()
        if not self.ready:
            source = self._settings.source
            self._freshness.note(await self._until_clickhouse_answers(self.writer.newest, source, _NEWEST_SECONDS))
        self.ready = True

    async def _note_server(self) -> None:
        """Notice a ClickHouse that was started anew, whatever had ended it; the driver reconnects without a word."""
        started = await self._until_clickhouse_answers(self.writer.server_started)
        self._rewind_due = not self._server.is_for(started)
        if not self._rewind_due:
            self._server.set(started)
        self._server_due = time.monotonic() + _SERVER_SECONDS

    async def _until_clickhouse_answers(self, ask: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run what asks ClickHouse in this flow's thread, until there is an answer."""
        for delay in delays():
            try:
                answer = await self._blocking(ask, *args, **kwargs)
            except UnavailableError as error:
                await self._wait_for("ClickHouse", error, delay)
            else:
                self._go_on()
                return answer
        raise AssertionError("delays never end")

    async def _store(self, session: Session, batch: Decoded) -> Stored:
        """Store a batch; while ClickHouse is away it is kept, and nothing more is read."""
        for delay in delays():
            try:
                return await self._blocking(self.writer.store, batch)
            except UnavailableError as error:
                await self._wait_for("ClickHouse", error, delay)
            await self._begin(session)
        raise AssertionError("delays never end")

    async def _lay_aside(self, epoch: int, letters: list[DeadLetter]) -> None:
        if letters:
            first = letters[0]
            self._log.warning(
                "messages laid aside",
                count=len(letters),
                first_sequence=first.message.stream_seq,
                first_reason=first.reason,
                first_detail=first.detail,
            )
        for letter in letters:
            for delay in delays():
                try:
                    await lay_aside(self._link.client, self.stream.name, epoch, letter)
                    break
                except UnavailableError as error:
                    await self._wait_for("NATS", error, delay)
        self._go_on()

    def _count(self, result: Stored) -> None:
        for data_type, count in result.stored.items():
            self._metrics.events.labels(data_type, "stored").inc(count)
        for data_type, count in result.duplicates.items():
            self._metrics.events.labels(data_type, "duplicate").inc(count)
        for reason, count in result.dead_events.items():
            self._metrics.dead_letters.labels(self.stream.name, reason).inc(count)
        self._metrics.batch_events.labels(self.stream.name).observe(result.stored.total())
        self._freshness.note(result.newest_us)
        if result.oldest_receipt_us is not None:
            delay = time.time_ns() / 1e9 - result.oldest_receipt_us / 1e6
            self._metrics.delay_seconds.labels(self.stream.name).observe(max(0.0, delay))

    async def _blocking(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run what blocks in this flow's own thread; cancelling does not end it there."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, partial(function, *args, **kwargs))

    async def _wait_for(self, whom: str, error: UnavailableError, seconds: float) -> None:
        self._log.warning("waiting", whom=whom, reason=error.message, remedy=error.remedy, seconds=round(seconds, 1))
        self.beat.cause = f"{whom}: {error.message}"
        await self._pause(seconds)

    def _go_on(self) -> None:
        self.beat.progress()
        self.beat.cause = None

    async def _pause(self, seconds: float) -> None:
        """Wait, unless the service stops."""
        try:
            async with asyncio.timeout(seconds):
                await self._stop.wait()
        except TimeoutError:
            return
        raise _StoppedError

    def _break(self, reason: str) -> None:
        if self._session is not None:
            self._session.break_off(reason)
