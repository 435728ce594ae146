"""What Binance says on a connection: acknowledgements, pings, limits, and events bare or wrapped."""

import asyncio
from collections import deque
from time import monotonic, time_ns

from aiohttp import WSCloseCode, WSMessage, WSMsgType, web

from marketprism.sim.binance import control, refusals
from marketprism.sim.binance.rules import Route, WireRules, market_of
from marketprism.sim.connection import Connection


class BinanceDialogue:
    """Keeps the rules of one route on one connection; a `connection.Dialogue`.

    Args:
        streams: Names in the address, subscribed at once.
        combined: Wrap every event in ``{"stream": …, "data": …}``.
    """

    def __init__(self, route: Route, rules: WireRules, streams: list[str], *, combined: bool) -> None:
        self.combined = combined
        self._route, self._rules, self._first = route, rules, streams
        self._arrivals: deque[float] = deque(maxlen=rules.messages_per_second)
        self._pings: dict[bytes, float] = {}

    async def opened(self, connection: Connection) -> bool:
        """Subscribe to the streams of the address."""
        return await self._subscribe(connection, self._first)

    async def heard(self, connection: Connection, message: WSMessage) -> bool:
        """Answer one message; every kind of message counts against the limit."""
        if self._too_fast():
            await connection.close(WSCloseCode.POLICY_VIOLATION, "Too many requests")
            return False
        if message.type is WSMsgType.PING:
            await connection.pong(message.data)
        elif message.type is WSMsgType.PONG and bytes(message.data) in self._pings:
            self._pings.clear()  # an unsolicited pong, whose payload we never sent, does not count
        elif message.type is WSMsgType.TEXT:
            return await self._control(connection, message.data)
        return True

    async def attend(self, connection: Connection) -> None:
        """Ping, and cut the connection at the age at which the exchange cuts every connection."""
        end = connection.opened_at + self._rules.lifetime_seconds
        while (rest := end - monotonic()) > 0:
            await asyncio.sleep(min(rest, self._rules.ping_seconds))
            if self._pings and monotonic() - min(self._pings.values()) >= self._rules.pong_seconds:
                await connection.close(WSCloseCode.POLICY_VIOLATION, "Pong timeout")
                return
            payload = str(time_ns() // 1_000_000).encode()
            self._pings[payload] = monotonic()
            await connection.ping(payload)
        await connection.close(WSCloseCode.GOING_AWAY, "Connection lifetime")

    def frame(self, stream: str, event: bytes) -> bytes:
        """Wrap an event where the connection is a combined one."""
        return b'{"stream":"%b","data":%b}' % (stream.encode(), event) if self.combined else event

    def refused(self, status: int) -> web.Response:
        """Refuse a handshake with the body that REST requests get."""
        return refusals.response(status)

    def _too_fast(self) -> bool:
        now = monotonic()
        full = len(self._arrivals) == self._arrivals.maxlen
        too_fast = full and now - self._arrivals[0] < 1
        self._arrivals.append(now)
        return too_fast

    async def _control(self, connection: Connection, text: str) -> bool:
        try:
            request = control.read(text)
        except control.RefusedRequestError as error:
            connection.send(control.refusal(market_of(self._route), error.code, str(error), error.id))
            return True
        if request.method is control.Method.SUBSCRIBE:
            if not await self._subscribe(connection, request.streams):
                return False
        elif request.method is control.Method.UNSUBSCRIBE:
            for stream in request.streams:
                connection.unsubscribe((self._route, stream))
        else:
            names = [stream for _, stream in connection.channels]
            connection.send(control.acknowledgement(request, names))
            return True
        connection.send(control.acknowledgement(request))
        return True

    async def _subscribe(self, connection: Connection, streams: list[str] | tuple[str, ...]) -> bool:
        """Subscribe to any names; one stream too many loses the whole connection, as it does on the real exchange."""
        wanted = {(self._route.value, stream) for stream in streams}
        if len(connection.channels.keys() | wanted) > self._rules.streams:
            connection.send(control.too_many_subscriptions())
            await connection.drain()
            await connection.close(WSCloseCode.POLICY_VIOLATION, "Invalid request")
            return False
        for stream in streams:
            connection.subscribe((self._route.value, stream))
        return True
