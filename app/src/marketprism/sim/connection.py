"""One WebSocket connection: its subscriptions, its bounded queue, and the rules that end it."""

import asyncio
from collections import deque
from time import monotonic, time_ns

from aiohttp import WSCloseCode, WSMessage, WSMsgType, web

from marketprism.sim import control
from marketprism.sim.hub import Hub
from marketprism.sim.rules import Route, WireRules, market_of
from marketprism.telemetry import logs

_LOG = logs.get("sim")
_MOST_BYTES_IN = 256 * 1024
_CLOSE_SECONDS = 0.5


class Connection:
    """Serves one client until it leaves or breaks a rule.

    Args:
        combined: Wrap every event in ``{"stream": …, "data": …}``.
        queue_frames: Frames that may wait for the client; one more cuts it off, as nothing may be dropped silently.
    """

    def __init__(self, hub: Hub, route: Route, rules: WireRules, *, combined: bool, queue_frames: int) -> None:
        self._hub, self._route, self._rules, self._combined = hub, route, rules, combined
        self._limit = queue_frames
        self._streams: dict[str, None] = {}
        self._queue: deque[bytes] = deque()
        self._filled, self._drained = asyncio.Event(), asyncio.Event()
        self._drained.set()
        self._arrivals: deque[float] = deque(maxlen=rules.messages_per_second)
        self._pings: dict[bytes, float] = {}
        self._socket = web.WebSocketResponse(
            autoping=False, compress=False, max_msg_size=_MOST_BYTES_IN, timeout=_CLOSE_SECONDS
        )
        self._transport: asyncio.Transport | None = None
        self._log = _LOG.bind(route=route.value)

    async def serve(self, request: web.Request, streams: list[str]) -> web.WebSocketResponse:
        """Answer the handshake and serve until the connection ends."""
        await self._socket.prepare(request)
        self._transport = request.transport
        self._log = self._log.bind(peer=request.remote)
        self._log.info("sim.client_connected", streams=len(streams))
        try:
            async with asyncio.TaskGroup() as tasks:
                helpers = [tasks.create_task(each) for each in (self._write(), self._ping(), self._expire())]
                await self._read(streams)
                for helper in helpers:
                    helper.cancel()
        finally:
            for stream in self._streams:
                self._hub.unsubscribe(self._route, stream, self)
            self._log.info("sim.client_left", code=self._socket.close_code, unsent_frames=len(self._queue))
        return self._socket

    async def close(self, code: int, reason: str) -> None:
        """Say goodbye with a close code; the reader ends by it."""
        self._log.info("sim.client_closed", code=int(code), reason=reason)
        await self._socket.close(code=code, message=reason.encode())

    async def drain(self) -> None:
        """Wait until everything queued was handed to the operating system."""
        await self._drained.wait()

    def deliver(self, stream: str, event: bytes) -> bool:
        """Queue one event of a subscribed stream."""
        if self._combined:
            event = b'{"stream":"%b","data":%b}' % (stream.encode(), event)
        return self._enqueue(event)

    def crowded(self) -> bool:
        """Tell whether half of the queue is used."""
        return len(self._queue) * 2 > self._limit

    def _enqueue(self, frame: bytes) -> bool:
        if self._transport is None or self._transport.is_closing() or self._socket.closed:
            return False
        if len(self._queue) >= self._limit:
            self._log.warning("sim.slow_client_cut_off", queued_frames=len(self._queue))
            self._transport.abort()
            return False
        self._queue.append(frame)
        self._filled.set()
        self._drained.clear()
        return True

    async def _write(self) -> None:
        """Send what is queued, in order; the socket's own flow control makes this wait for a slow client."""
        try:
            while True:
                await self._filled.wait()
                self._filled.clear()
                while self._queue:
                    await self._socket.send_frame(self._queue[0], WSMsgType.TEXT)
                    self._queue.popleft()
                self._drained.set()
        except OSError:  # the client is gone; the reader is told so too
            return
        finally:
            self._drained.set()

    async def _ping(self) -> None:
        """Send ping frames and end the connection when one stays unanswered."""
        try:
            while True:
                await asyncio.sleep(self._rules.ping_seconds)
                if self._pings and monotonic() - min(self._pings.values()) >= self._rules.pong_seconds:
                    await self.close(WSCloseCode.POLICY_VIOLATION, "Pong timeout")
                    return
                payload = str(time_ns() // 1_000_000).encode()
                self._pings[payload] = monotonic()
                await self._socket.ping(payload)
        except OSError:
            return

    async def _expire(self) -> None:
        """Cut the connection at the age at which the exchange cuts every connection."""
        await asyncio.sleep(self._rules.lifetime_seconds)
        await self.close(WSCloseCode.GOING_AWAY, "Connection lifetime")

    async def _read(self, streams: list[str]) -> None:
        """Answer the client until the connection closes, by either side."""
        try:
            if not await self._subscribe(streams):
                return
            async for message in self._socket:
                if self._too_fast():
                    await self.close(WSCloseCode.POLICY_VIOLATION, "Too many requests")
                    return
                if not await self._answer(message):
                    return
        except OSError:  # the client is gone before its answer
            return

    def _too_fast(self) -> bool:
        now = monotonic()
        full = len(self._arrivals) == self._arrivals.maxlen
        too_fast = full and now - self._arrivals[0] < 1
        self._arrivals.append(now)
        return too_fast

    async def _answer(self, message: WSMessage) -> bool:
        """Answer one message; False ends the connection."""
        if message.type is WSMsgType.PING:
            await self._socket.pong(message.data)
        elif message.type is WSMsgType.PONG and bytes(message.data) in self._pings:
            self._pings.clear()  # an unsolicited pong, whose payload we never sent, does not count
        elif message.type is WSMsgType.TEXT:
            return await self._control(message.data)
        return True

    async def _control(self, text: str) -> bool:
        try:
            request = control.read(text)
        except control.RefusedRequestError as error:
            self._enqueue(control.refusal(market_of(self._route), error.code, str(error), error.id))
            return True
        if request.method is control.Method.SUBSCRIBE:
            if not await self._subscribe(request.streams):
                return False
        elif request.method is control.Method.UNSUBSCRIBE:
            for stream in request.streams:
                self._streams.pop(stream, None)
                self._hub.unsubscribe(self._route, stream, self)
        else:
            self._enqueue(control.acknowledgement(request, list(self._streams)))
            return True
        self._enqueue(control.acknowledgement(request))
        return True

    async def _subscribe(self, streams: list[str] | tuple[str, ...]) -> bool:
        """Subscribe to any names; one stream too many loses the whole connection, as it does on the real exchange."""
        if len(self._streams.keys() | set(streams)) > self._rules.streams:
            error = {"error": {"code": 4, "msg": "Too many subscriptions"}}
            await self._socket.send_json(error)
            await self.close(WSCloseCode.POLICY_VIOLATION, "Invalid request")
            return False
        for stream in streams:
            self._streams[stream] = None
            self._hub.subscribe(self._route, stream, self)
        return True
