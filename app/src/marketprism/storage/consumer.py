"""A durable pull consumer, in strict order: whatever might have broken the order ends the session.

One acknowledgement covers all earlier messages (``ack_policy: all``), so an acknowledgement after a message that never
reached us would lose it. Therefore every delivery must carry the next consumer sequence; on a hole, a reconnect or a
surprise the session ends unacknowledged. A new session first asks for everything that was delivered before and not
acknowledged to be delivered again, and hands nothing out before all of it is there: the server puts a redelivery that
does not fit into a pull any more behind all others, where the acknowledgement of later ones would cover it.

No message is redelivered while a batch is being stored, however long that takes: a pull consumer delivers on request
only, and no request is open then but one for the next batch, which ends long before the acknowledgement's deadline. So
nothing needs to extend that.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from operator import attrgetter

import msgspec
from nats import errors as nats_errors
from nats.aio.client import Client as NatsClient
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from marketprism.contract.catalog import Stream
from marketprism.contract.wire import stream_epoch
from marketprism.errors import UnavailableError
from marketprism.telemetry import logs

REQUEST_SECONDS = 5.0
_SLACK_SECONDS = 5.0
"""The server ends a pull by itself; on a busy computer its answer comes late, and ending the session costs more."""
_ENDS = ("Message Size Exceeds MaxBytes", "Batch Completed")
_MISSING = "run 'marketprism streams apply'"
_AWAY = "see 'systemctl status nats-server'; what was read is kept or delivered again"
_log = logs.get("storage.consumer")


@dataclass(frozen=True, slots=True)
class Message:
    """One delivery.

    Attributes:
        stream_seq: Its place in the stream.
        consumer_seq: Count of deliveries of the consumer, redeliveries included.
        deliveries: How often it was delivered; above 1 for a redelivery.
        pending: Messages of the stream that were not yet delivered after it.
        reply: Where its acknowledgement goes.
    """

    subject: str
    payload: bytes
    stream_seq: int
    consumer_seq: int
    deliveries: int
    pending: int
    reply: str

    @classmethod
    def of(cls, message: Msg) -> "Message":
        """Read a delivery; its place is in the tokens of the reply subject."""
        deliveries, stream_seq, consumer_seq, _time, pending = _place(message.reply)
        return cls(message.subject, message.data, stream_seq, consumer_seq, deliveries, pending, message.reply)


def _place(reply: str) -> tuple[int, int, int, int, int]:
    """Return deliveries, stream and consumer sequence, time and pending count of a reply subject.

    Nine tokens are the first form; the second has a domain and an account in front, and may end in a random token.
    See https://github.com/nats-io/nats-architecture-and-design/blob/main/adr/ADR-15.md
    """
    tokens = reply.split(".")
    first = 4 if len(tokens) == 9 else 6
    deliveries, stream_seq, consumer_seq, time, pending = (int(token) for token in tokens[first : first + 5])
    return deliveries, stream_seq, consumer_seq, time, pending


class Sequences(msgspec.Struct):
    """A place in a consumer's deliveries and in the stream, as the JetStream API writes it."""

    consumer_seq: int
    stream_seq: int


class _ConsumerInfo(msgspec.Struct):
    delivered: Sequences
    ack_floor: Sequences
    num_ack_pending: int
    num_pending: int


class _StreamState(msgspec.Struct):
    first_seq: int


class _StreamInfo(msgspec.Struct):
    created: str
    state: _StreamState


class _Error(msgspec.Struct):
    description: str = ""


class _Answer(msgspec.Struct):
    error: _Error | None = None


class Session:
    """One uninterrupted, ordered reading of a stream's durable consumer.

    Args:
        nats: A connected client; several sessions may share it.
        stream: A stream with a consumer.
    """

    def __init__(self, nats: NatsClient, stream: Stream) -> None:
        if stream.consumer is None:
            raise AssertionError(f"{stream.name} has no consumer in the contract")
        self._nats = nats
        self._stream = stream
        self._consumer = stream.consumer
        self._inbox = nats.new_inbox()
        self._subscription: Subscription | None = None
        self._batch: list[Message] = []
        self._wanted = 0
        self._pulls = 0
        self._pulled: asyncio.Future[None] | None = None
        self._lost: str | None = None
        self._next = 0
        self._newest = 0
        self._redelivery_end = 0
        self._redeliveries = 0
        self._came_again: set[int] = set()
        self.epoch = 0
        self.ack_floor = 0

    async def open(self) -> None:
        """Learn where the consumer stands, and have unacknowledged messages delivered again.

        Raises:
            UnavailableError: NATS does not answer, or the stream or the consumer does not exist.
        """
        name = self._stream.name
        stream = msgspec.json.decode(await ask(self._nats, f"$JS.API.STREAM.INFO.{name}"), type=_StreamInfo)
        info = await _consumer_info(self._nats, self._stream)
        self.epoch = stream_epoch(name, stream.created)
        self.ack_floor = info.ack_floor.stream_seq
        self._next = info.delivered.consumer_seq + 1
        self._newest = self.ack_floor
        self._redelivery_end = info.delivered.stream_seq
        self._redeliveries = info.num_ack_pending
        try:
            self._subscription = await self._nats.subscribe(f"{self._inbox}.*", cb=self._receive)
            if info.num_ack_pending:
                await self._ask_again(info, stream.state.first_seq)
        except nats_errors.Error as error:
            raise UnavailableError(f"NATS broke off: {type(error).__name__}", remedy=_AWAY) from error

    async def _ask_again(self, info: _ConsumerInfo, first_seq: int) -> None:
        """Refuse every unacknowledged delivery of an earlier session, so that it comes at once.

        The server looks at the stream sequence alone, and that the consumer's lies within what it delivered.
        """
        delivered = info.delivered
        subject = f"$JS.ACK.{self._stream.name}.{self._consumer}.1.{{}}.{delivered.consumer_seq}.0.0"
        for sequence in range(max(info.ack_floor.stream_seq + 1, first_seq), delivered.stream_seq):
            await self._nats.publish(subject.format(sequence), b"-NAK")
        # The answer to the last one says that all have been worked off.
        await self._request(subject.format(delivered.stream_seq), b"-NAK")

    async def pull(self, *, messages: int, size: int, seconds: float) -> list[Message]:
        """Return what arrives until a limit is reached; cancelling it loses the session, but no message.

        The batch before it may still be waiting for its acknowledgement; then the wait has to be far shorter than
        ``ack_wait``, or the server delivers that batch again, and the session is over.

        Args:
            messages: Most messages.
            size: Most bytes; must exceed the largest message.
            seconds: Longest wait.

        Raises:
            UnavailableError: The session is over; open a new one.
        """
        self._check()
        while self._redeliveries:
            await self._take_redeliveries(size)
        if len(self._batch) < messages:
            await self._more(messages, size, seconds)
        # What arrives after the end of a pull is kept for the next one: it will not be delivered again.
        batch, self._batch = self._batch, []
        return batch

    async def _take_redeliveries(self, size: int) -> None:
        """Have more of the earlier deliveries come again; they fit into memory, as what an earlier pull brought."""
        missing = self._redeliveries
        await self._more(len(self._batch) + missing, size, REQUEST_SECONDS)
        if self._redeliveries == missing:
            await self._leave_out_unreadable()
        if not self._redeliveries:
            self._batch.sort(key=attrgetter("stream_seq"))
            self._came_again.clear()

    async def _leave_out_unreadable(self) -> None:
        """Go on without messages that the disk of NATS has damaged: the server never delivers them, nor says so."""
        for sequence in range(self.ack_floor + 1, self._redelivery_end + 1):
            if sequence not in self._came_again and await self._is_readable(sequence):
                self.break_off(f"message {sequence} did not come again")
                self._check()
        _log.error(
            "messages cannot be read",
            stream=self._stream.name,
            count=self._redeliveries,
            remedy="run 'marketprism audit' to see what they held, then 'marketprism backfill --gaps'",
        )
        self._redeliveries = 0

    async def _is_readable(self, sequence: int) -> bool:
        subject = f"$JS.API.STREAM.MSG.GET.{self._stream.name}"
        answer = await self._request(subject, msgspec.json.encode({"seq": sequence}))
        return msgspec.json.decode(answer, type=_Answer).error is None

    async def _more(self, messages: int, size: int, seconds: float) -> None:
        self._wanted = messages
        self._pulled = asyncio.get_running_loop().create_future()
        self._pulls += 1
        request = {"batch": messages - len(self._batch), "max_bytes": size, "expires": int(seconds * 1e9)}
        subject = f"$JS.API.CONSUMER.MSG.NEXT.{self._stream.name}.{self._consumer}"
        await self._publish(subject, msgspec.json.encode(request), f"{self._inbox}.{self._pulls}")
        try:
            async with asyncio.timeout(seconds + _SLACK_SECONDS):
                await self._pulled
        except TimeoutError:
            # Where something came, the server answers, and one of us is slow: to begin again would never end.
            if not self._batch:
                self._lost = self._lost or "a pull was not answered"
        self._check()

    async def acknowledge(self, message: Message) -> None:
        """Acknowledge a message and all before it, and wait until the server confirms.

        Raises:
            UnavailableError: The outcome is unknown; open a new session.
        """
        self._check()
        await self._request(message.reply, b"+ACK")
        self.ack_floor = message.stream_seq

    def break_off(self, reason: str) -> None:
        """End the session from outside, such as after a reconnect; a running pull returns with an error."""
        self._lost = self._lost or reason
        if self._pulled is not None and not self._pulled.done():
            self._pulled.set_result(None)

    async def close(self) -> None:
        """Stop receiving; the server forgets open requests."""
        self.break_off("the session was closed")
        subscription, self._subscription = self._subscription, None
        if subscription is not None and self._nats.is_connected:
            with suppress(nats_errors.Error):
                await subscription.unsubscribe()

    async def _receive(self, received: Msg) -> None:
        if not received.reply.startswith("$JS.ACK."):
            self._control(received)
            return
        message = Message.of(received)
        if self._lost is None and (reason := self._disorder(message)) is not None:
            self.break_off(reason)
        if self._lost is not None:
            return
        self._next = message.consumer_seq + 1
        if self._redeliveries and message.stream_seq <= self._redelivery_end:
            self._redeliveries -= 1
            self._came_again.add(message.stream_seq)
        self._newest = max(self._newest, message.stream_seq)
        self._batch.append(message)
        if len(self._batch) >= self._wanted:
            self._finish()

    def _disorder(self, message: Message) -> str | None:
        if message.consumer_seq != self._next:
            return f"delivery {self._next} never arrived"
        if message.stream_seq <= self._redelivery_end and self._redeliveries:
            earlier = message.stream_seq in self._came_again
        else:
            earlier = message.stream_seq <= self._newest
        if earlier or message.stream_seq <= self.ack_floor:
            return f"message {message.stream_seq} came after a later one"
        return None

    def _control(self, message: Msg) -> None:
        headers = message.headers or {}
        status, description = headers.get("Status", ""), headers.get("Description", "")
        if status == "100":
            return
        if status in ("404", "408") or (status == "409" and description in _ENDS):
            # The end of an earlier pull may come late; it says nothing about this one.
            if message.subject == f"{self._inbox}.{self._pulls}":
                self._finish()
        else:
            self.break_off(f"the server ended a pull: {status} {description}".strip())

    def _finish(self) -> None:
        if self._pulled is not None and not self._pulled.done():
            self._pulled.set_result(None)

    def _check(self) -> None:
        if self._lost is not None:
            raise UnavailableError(f"{self._stream.name}: {self._lost}", remedy=_AWAY)

    async def _publish(self, subject: str, payload: bytes, reply: str) -> None:
        try:
            await self._nats.publish(subject, payload, reply=reply)
        except nats_errors.Error as error:
            self.break_off(f"publishing failed: {error}")

    async def _request(self, subject: str, payload: bytes) -> bytes:
        try:
            return await _request(self._nats, subject, payload)
        except UnavailableError as error:
            self.break_off(error.message)
            raise


async def pending_messages(nats: NatsClient, stream: Stream) -> int:
    """Count the messages of a stream that its consumer has not acknowledged.

    Raises:
        UnavailableError: NATS does not answer, or the consumer does not exist.
    """
    info = await _consumer_info(nats, stream)
    return info.num_pending + info.num_ack_pending


async def _consumer_info(nats: NatsClient, stream: Stream) -> _ConsumerInfo:
    payload = await ask(nats, f"$JS.API.CONSUMER.INFO.{stream.name}.{stream.consumer}")
    return msgspec.json.decode(payload, type=_ConsumerInfo)


async def ask(nats: NatsClient, subject: str, request: bytes = b"") -> bytes:
    """Call the JetStream API.

    Args:
        nats: A connected client.
        subject: From ``$JS.API`` on; its last tokens are the stream and the consumer.
        request: JSON, empty where the call takes none.

    Raises:
        UnavailableError: NATS does not answer, or answers with an error.
    """
    payload = await _request(nats, subject, request)
    error = msgspec.json.decode(payload, type=_Answer).error
    if error is not None:
        what = " of ".join(reversed(subject.split(".")[4:]))
        raise UnavailableError(f"{what} cannot be read: {error.description}", remedy=_MISSING)
    return payload


async def _request(nats: NatsClient, subject: str, payload: bytes) -> bytes:
    try:
        return (await nats.request(subject, payload, timeout=REQUEST_SECONDS)).data
    except (nats_errors.Error, TimeoutError) as error:
        what = ".".join(subject.split(".")[:6])
        raise UnavailableError(f"NATS did not answer {what}: {type(error).__name__}", remedy=_AWAY) from error
