"""Publishing to JetStream, effectively once: each message is sent under one id until the stream has acknowledged it.

After a lost connection everything unacknowledged is sent again in its old order; JetStream drops by the id what it
already has. What cannot be sent in time goes to the disk spool, and is sent from there, by the next run if need be.
Acknowledgements come to one inbox; the last token of the subject is the message's number.
"""

import asyncio
import itertools
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg

from marketprism.collector.connection import Connection
from marketprism.collector.counters import Counters
from marketprism.collector.lane import Lane, Limits
from marketprism.collector.spool import Spool
from marketprism.collector.spooler import Spooler
from marketprism.collector.window import Message
from marketprism.contract import wire
from marketprism.contract.catalog import DATA_TYPES, inbox_prefix
from marketprism.contract.events import Event
from marketprism.contract.instruments import Instrument, Source
from marketprism.nats_login import NatsLogin
from marketprism.telemetry import logs
from marketprism.telemetry.metrics import SpoolSample

COALESCING = frozenset({"orderbook"})
"""Types whose newest event stands for all earlier ones of its subject. They also travel alone: each is a big one."""
TICK_SECONDS = 0.1

_log = logs.get("publisher")


class Publisher:
    """Publishes events; use as ``async with``. One owner per instance, any number of tasks may call `publish`.

    Args:
        login: The server and the user.
        spool: Where to put what waits too long; it is opened and closed here. Without one, publishers wait for NATS.
        coalesce: Let types of `COALESCING` give way while there is no room; false publishes every event.
        limits: Bounds per stream.
        boot_id: First part of message ids; must never have been used before.
        on_ack: Called with the seconds from sending to acknowledgement of each message.
    """

    def __init__(
        self,
        *,
        login: NatsLogin,
        spool: Spool | None = None,
        coalesce: bool = True,
        limits: Limits | None = None,
        boot_id: str | None = None,
        on_ack: Callable[[float], None] | None = None,
    ) -> None:
        self._coalesce = coalesce
        self._boot_id = boot_id or secrets.token_hex(8)
        self._on_ack = on_ack
        self._inbox = f"{inbox_prefix(login.user)}.{self._boot_id}"
        self._spool = spool or Spool(Path(), 0)  # neither opened nor written to then
        self.lanes = self._make_lanes(limits or Limits())
        self._lane_of_type = {t.name: self.lanes[t.stream] for t in DATA_TYPES.values()}
        self._connection = Connection(
            login=login,
            answers=f"{self._inbox}.>",
            on_answer=self._on_answer,
            work=self._work,
        )
        self._spoolers = [
            Spooler(spool, spool.queue(name), lane.overflow) for name, lane in self.lanes.items() if spool is not None
        ]
        self._group = asyncio.TaskGroup()
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def counters(self) -> Counters:
        """The sum over all streams; see there for the equation that holds at any time."""
        total = Counters()
        for lane in self.lanes.values():
            for name in Counters.__slots__:
                setattr(total, name, getattr(total, name) + getattr(lane.counters, name))
        return total

    @property
    def published(self) -> int:
        """Events that JetStream has acknowledged."""
        return self.counters.published

    @property
    def in_flight(self) -> int:
        """Events taken that are in memory and not yet acknowledged."""
        return sum(lane.in_flight for lane in self.lanes.values())

    @property
    def spooled(self) -> int:
        """Events taken that are on disk alone."""
        return sum(lane.spooled for lane in self.lanes.values())

    def spool_sample(self) -> SpoolSample:
        """Read the state of the spool; all zero without one."""
        return SpoolSample(
            bytes=self._spool.bytes,
            limit_bytes=self._spool.limit,
            cut_bytes=self._spool.cut_bytes,
            blocked=any(self._spool_causes()),
        )

    @property
    def unreadable(self) -> list[str]:
        """Files of the spool that wait for a remedy and the next run; nothing else waits for them."""
        return self._spool.unreadable

    @property
    def connected(self) -> bool:
        """Whether there is a connection now."""
        return self._connection.is_open

    @property
    def causes(self) -> list[str]:
        """What holds publishing up, outermost first; empty when nothing does."""
        nats = [self._connection.cause] if self._connection.cause else [lane.cause for lane in self.lanes.values()]
        return list(dict.fromkeys(cause for cause in (*nats, *self._spool_causes()) if cause is not None))

    async def publish(self, data_type: str, source: Source, instrument: Instrument, event: Event) -> None:
        """Take one event, then wait while its stream has no room. The event is safe even if that wait is cancelled."""
        lane = self._lane_of_type[data_type]
        if data_type in COALESCING:
            lane.alone(data_type, source, instrument, event, coalesce=self._coalesce)
            if self._coalesce:
                return
        else:
            lane.batch(data_type, source, instrument, event)
        if lane.full:
            await lane.room()

    async def drain(self) -> None:
        """Send everything, the spool included, and wait until all of it is acknowledged."""
        for lane in self.lanes.values():
            lane.flush()
        for lane in self.lanes.values():
            await lane.settled()

    async def keep(self) -> bool:
        """Write to the spool what is in memory alone, for the next run; false when there is none or its disk fails."""
        for lane in self.lanes.values():
            lane.flush()
        try:
            for spooler in self._spoolers:
                await spooler.keep()
        except OSError as error:
            _log.error("cannot write to the spool", error=str(error))
            return False
        return bool(self._spoolers)

    async def wait_connected(self) -> None:
        """Wait for the first connection.

        Raises:
            ConfigurationError: The server refuses the user.
        """
        await self._connection.wait_open()

    async def __aenter__(self) -> Self:
        """Start connecting; does not wait for the server.

        Raises:
            ConfigurationError: The spool's directory cannot be used.
            UnavailableError: Another process uses it.
        """
        if self._spoolers:
            self._spool.open()
        await self._group.__aenter__()
        self._tasks = [self._group.create_task(self._connection.run(), name="nats connection")]
        for name, lane in self.lanes.items():
            self._tasks.append(self._group.create_task(lane.run_batches(), name=f"batches {name}"))
        self._tasks += [self._group.create_task(spooler.run(), name="spool") for spooler in self._spoolers]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop at once; call `drain`, and `keep` where that takes too long, before to lose nothing."""
        for task in self._tasks:
            task.cancel()
        try:
            if isinstance(error, asyncio.CancelledError):  # the group asked for it, or our owner did: it has to know
                await self._group.__aexit__(kind, error, trace)
            else:  # the body's own error travels as it is, not wrapped in a group
                await self._group.__aexit__(None, None, None)
        finally:
            self._spool.close()

    def _make_lanes(self, limits: Limits) -> dict[str, Lane]:
        numbers = itertools.count(1)
        made = {}
        for stream in dict.fromkeys(t.stream for t in DATA_TYPES.values()):
            types = {t.name for t in DATA_TYPES.values() if t.stream == stream}
            made[stream] = Lane(
                self._spool.queue(stream),
                limits,
                boot_id=self._boot_id,
                numbers=numbers,
                clock=time.monotonic,
                spools=not (self._coalesce and types <= COALESCING),
            )
        return made

    def _spool_causes(self) -> list[str | None]:
        return [spooler.cause for spooler in self._spoolers]

    async def _on_answer(self, message: Msg) -> None:
        _, stream, number = message.subject.rsplit(".", 2)
        seconds = self.lanes[stream].answered(int(number), message.data)
        if seconds is not None and self._on_ack is not None:
            self._on_ack(seconds)

    async def _work(self, client: Client) -> None:
        """Use a new connection until it is lost: everything unacknowledged first, then what comes."""
        for lane in self.lanes.values():
            lane.start_over()
        async with asyncio.TaskGroup() as tasks:
            for name, lane in self.lanes.items():
                tasks.create_task(self._pump(client, lane), name=f"publisher {name}")
            while True:
                await asyncio.sleep(TICK_SECONDS)
                for lane in self.lanes.values():
                    lane.tick()

    async def _pump(self, client: Client, lane: Lane) -> None:
        """Hand the lane's messages to the connection, in order."""
        task = asyncio.current_task()
        while task is not None and not task.cancelling():  # the client swallows a cancellation while it flushes
            message = lane.next_message()
            if message is None:
                lane.work.clear()
                await lane.work.wait()
            else:
                await self._send(client, lane, message)

    async def _send(self, client: Client, lane: Lane, message: Message) -> None:
        lane.sent(message)
        try:
            await client.publish(
                message.subject,
                message.payload,
                reply=f"{self._inbox}.{lane.stream}.{message.number}",
                headers={wire.MESSAGE_ID_HEADER: message.id},
            )
        except nats.errors.MaxPayloadError:
            _log.error("message too large", subject=message.subject, bytes=len(message.payload), events=message.events)
            lane.refuse(message)
        except (nats.errors.Error, OSError) as error:
            lane.not_sent(message)  # the next connection sends it, once this one is known to be lost
            _log.debug("not sent", subject=message.subject, error=str(error))
            await asyncio.sleep(TICK_SECONDS)
