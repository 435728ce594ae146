"""What OKX says on a connection: acknowledgements arg by arg, the text pong, the notice, and the end of silent ones."""

import asyncio
from collections.abc import Mapping
from time import monotonic

import msgspec
from aiohttp import WSMessage, WSMsgType, web

from marketprism.sim.connection import Connection
from marketprism.sim.floor import Floor
from marketprism.sim.okx import refusals, requests
from marketprism.sim.okx.instrument import Instrument
from marketprism.sim.okx.limits import RequestWindow
from marketprism.sim.okx.requests import CHANNELS, Arg, Entrance, Op, RefusedRequestError, Request
from marketprism.sim.okx.rules import OkxRules

NO_DATA, TOO_LONG = 4004, 1009
_INSTRUMENT_TYPES = {"SWAP", "FUTURES", "MARGIN", "OPTION"}
_HOUR_SECONDS = 3600


class OkxDialogue:
    """Keeps the rules of one connection; a `connection.Dialogue`.

    Args:
        instruments: What can be subscribed, by ``instId``.
        connection_id: The ``connId`` of its answers.
    """

    def __init__(
        self,
        floor: Floor,
        instruments: Mapping[str, Instrument],
        rules: OkxRules,
        entrance: Entrance,
        connection_id: str,
    ) -> None:
        self._floor, self._instruments, self._rules = floor, instruments, rules
        self._entrance, self._id = entrance, connection_id
        self._requests = RequestWindow(rules.requests_per_hour, _HOUR_SECONDS)
        self._subscribed = False

    async def opened(self, connection: Connection) -> bool:
        """Nothing is wished for by the address."""
        return True

    async def heard(self, connection: Connection, message: WSMessage) -> bool:
        """Answer one message."""
        if message.type is WSMsgType.PING:
            await connection.pong(message.data)
        elif message.type is WSMsgType.TEXT and message.data == "ping":
            if not any(self._floor.faults.active("no-pong", market) for market in connection.markets):
                connection.send(b"pong")
        elif message.type is WSMsgType.TEXT:
            if len(message.data) > self._rules.request_bytes:
                await connection.close(TOO_LONG, "Request message exceeds the maximum frame length")
                return False
            self._request(connection, message.data)
        return True

    async def attend(self, connection: Connection) -> None:
        """End the connection when it has no subscription in time, or falls silent."""
        while True:
            rest = self._ends_at(connection) - monotonic()
            if rest <= 0:
                break
            await asyncio.sleep(rest)
        await connection.close(NO_DATA, "No data received in 30s.")

    def warn(self, connection: Connection) -> None:
        """Announce a service upgrade, for which the connection is going to be closed."""
        connection.send(requests.notice(self._id))

    def frame(self, stream: str, event: bytes) -> bytes:
        """Events carry their arg."""
        return event

    def refused(self, status: int) -> web.Response:
        """Refuse a handshake with the body that REST requests get."""
        return refusals.response(status)

    def _ends_at(self, connection: Connection) -> float:
        silent = max(connection.heard_at, connection.sent_at) + self._rules.silence_seconds
        return silent if self._subscribed else min(silent, connection.opened_at + self._rules.subscribe_seconds)

    def _request(self, connection: Connection, text: str) -> None:
        try:
            request = requests.read(text)
            if not self._requests.admit("", monotonic()):
                raise RefusedRequestError(requests.TOO_FREQUENT, "Requests too frequent", request.id)
        except RefusedRequestError as error:
            connection.send(requests.refusal(error, self._id))
            return
        for arg in request.args:
            try:
                self._apply(connection, request, arg)
            except RefusedRequestError as error:
                error.id = request.id
                connection.send(requests.refusal(error, self._id))

    def _apply(self, connection: Connection, request: Request, arg: Arg) -> None:
        """Answer one arg; nothing may come between a snapshot of a book and the subscription to its updates."""
        stream = requests.stream_of(arg, self._entrance)
        instrument = self._instrument(arg)
        channel = (self._entrance.value, stream)
        connection.send(requests.acknowledgement(request, arg, self._id))
        if request.op is Op.UNSUBSCRIBE:
            connection.unsubscribe(channel)
            return
        self._subscribed = True
        if instrument and arg["channel"] == "books":
            now_ms = self._floor.now_ms(instrument.listing.market)
            connection.send(msgspec.json.encode(instrument.depth.snapshot(now_ms)))
        connection.subscribe(channel)

    def _instrument(self, arg: Arg) -> Instrument | None:
        """Return what an arg is about; None where it is about all instruments of a type.

        Raises:
            RefusedRequestError: There is no such instrument, or it does not have the channel.
        """
        channel = CHANNELS[arg["channel"]]
        if channel.key == "instType":
            if arg["instType"] not in _INSTRUMENT_TYPES:
                raise requests.unknown(arg)
            return None
        instrument = self._instruments.get(arg["instId"])
        if (
            instrument is None
            or not instrument.market.listed
            or (channel.swaps_only and not instrument.listing.contract)
        ):
            raise requests.unknown(arg)
        return instrument
