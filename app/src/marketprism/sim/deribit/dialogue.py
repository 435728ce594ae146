"""What Deribit says on a connection: results of calls, subscriptions, heartbeats, and its end."""

import asyncio
from collections.abc import Mapping

import msgspec
from aiohttp import WSCloseCode, WSMessage, WSMsgType, web

from marketprism.sim.connection import Connection
from marketprism.sim.deribit import refusals, requests
from marketprism.sim.deribit.calls import Desk
from marketprism.sim.deribit.instrument import ENTRANCE, Instrument
from marketprism.sim.deribit.requests import Params, RefusedRequestError, Request
from marketprism.sim.deribit.rules import DeribitRules
from marketprism.sim.floor import Floor
from marketprism.sim.instruments import MarketKind

_VENUE = MarketKind.DERIBIT


class DeribitDialogue:
    """Keeps the rules of one connection; a `connection.Dialogue`.

    Args:
        channels: The instrument of every channel that can be subscribed.
        address: Whose credits are spent.
    """

    def __init__(
        self, floor: Floor, channels: Mapping[str, Instrument], desk: Desk, rules: DeribitRules, address: str
    ) -> None:
        self._floor, self._channels, self._desk, self._rules = floor, channels, desk, rules
        self._address = address
        self._interval, self._asked = 0.0, False
        self._beating = asyncio.Event()

    async def opened(self, connection: Connection) -> bool:
        """Nothing is wished for by the address."""
        return True

    async def heard(self, connection: Connection, message: WSMessage) -> bool:
        """Answer one message."""
        if message.type is WSMsgType.PING:
            await connection.pong(message.data)
        elif message.type is WSMsgType.TEXT:
            return await self._answer(connection, message.data)
        return True

    async def attend(self, connection: Connection) -> None:
        """Send heartbeats where they are wished for, and end the connection that does not answer one in time."""
        while True:
            await self._beating.wait()
            await asyncio.sleep(self._interval)
            if not self._beating.is_set():
                continue
            if self._asked:
                await connection.close(WSCloseCode.POLICY_VIOLATION, "Heartbeat timeout")
                return
            connection.send(requests.heartbeat("heartbeat"))
            self.ask(connection)

    def ask(self, connection: Connection) -> None:
        """Ask whether the client is alive; it has to call ``public/test``."""
        connection.send(requests.heartbeat("test_request"))
        self._asked = True

    def frame(self, stream: str, event: bytes) -> bytes:
        """Events carry their channel."""
        return event

    def refused(self, status: int) -> web.Response:
        """Refuse a handshake as REST requests are."""
        return refusals.response(status)

    async def _answer(self, connection: Connection, text: str) -> bool:
        received_us = self._desk.now_us()
        try:
            request = requests.read(text)
        except RefusedRequestError as error:
            connection.send(requests.refusal(error, self._desk.times(received_us)))
            return True
        try:
            self._desk.charge(self._address, request.method)
        except RefusedRequestError as error:
            error.id = request.id
            connection.send(requests.refusal(error, self._desk.times(received_us)))
            await connection.drain()
            await connection.close(WSCloseCode.POLICY_VIOLATION, str(error))
            return False
        self._perform(connection, request, received_us)
        return True

    def _perform(self, connection: Connection, request: Request, received_us: int) -> None:
        """Carry out a call. Nothing may come between a snapshot of a book and the subscription to its changes."""
        result: object
        accepted: list[str] = []
        try:
            match request.method:
                case "public/subscribe":
                    result = accepted = self._accepted(_channels(request.params))
                case "public/unsubscribe":
                    result = _unsubscribe(connection, _channels(request.params))
                case "public/unsubscribe_all":
                    _unsubscribe(connection, [name for _, name in connection.channels])
                    result = "ok"
                case _:
                    result = self._other(request)
        except RefusedRequestError as error:
            error.id = request.id
            connection.send(requests.refusal(error, self._desk.times(received_us)))
            return
        connection.send(requests.answer(request.id, result, self._desk.times(received_us)))
        for name in accepted:
            self._subscribe(connection, name)

    def _other(self, request: Request) -> object:
        match request.method:
            case "public/set_heartbeat":
                self._interval = self._checked_interval(request.params)
                self._beating.set()
                return "ok"
            case "public/disable_heartbeat":
                self._beating.clear()
                self._asked = False
                return "ok"
            case "public/test":
                self._asked = False
        return self._desk.methods.call(request.method, request.params, self._floor.now_ms(_VENUE))

    def _accepted(self, names: list[str]) -> list[str]:
        """Return the channels that there are; the others are left out of the result without a word."""
        if any(name.endswith(".raw") for name in names):
            raise requests.raw_refused()
        found = [(name, self._channels[name]) for name in names if name in self._channels]
        return [name for name, each in found if each.market.listed and not self._missing(each)]

    def _missing(self, instrument: Instrument) -> bool:
        return self._floor.faults.strike("channel-missing", _VENUE, instrument.listing.symbol) is not None

    def _subscribe(self, connection: Connection, name: str) -> None:
        channel, instrument = (ENTRANCE, name), self._channels[name]
        if name == instrument.book and channel not in connection.channels:
            connection.send(msgspec.json.encode(instrument.snapshot(self._floor.now_ms(_VENUE))))
        connection.subscribe(channel)

    def _checked_interval(self, params: Params) -> float:
        interval = params.get("interval")
        if isinstance(interval, bool) or not isinstance(interval, int | float):
            raise requests.invalid("interval", "wrong_format")
        if interval < self._rules.shortest_heartbeat:
            raise requests.invalid("interval", f"must be at least {self._rules.shortest_heartbeat:g}")
        return float(interval)


def _channels(params: Params) -> list[str]:
    try:
        return msgspec.convert(params.get("channels"), type=list[str])
    except msgspec.ValidationError as error:
        raise requests.invalid("channels", "wrong_format") from error


def _unsubscribe(connection: Connection, names: list[str]) -> list[str]:
    for name in names:
        connection.unsubscribe((ENTRANCE, name))
    return names
