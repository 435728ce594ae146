"""What we ask of Deribit over the WebSocket (JSON-RPC 2.0), and whether it did what was asked.

Source: docs.deribit.com, "public/subscribe", "public/set_heartbeat" and "Rate Limits".
"""

from collections.abc import Sequence
from enum import IntEnum

import msgspec

from marketprism.venues.deribit import messages
from marketprism.venues.protocol import UNREADABLE, Notice, NoticeKind, Refusal, VenueEvent

HEARTBEAT_SECONDS = 10
"""The shortest interval that Deribit takes: a dead link is found soonest."""


class _Id(IntEnum):
    """Ids of requests whose answers need no memory; those of subscriptions follow."""

    HEARTBEAT = 1
    TEST = 2
    UNSUBSCRIBE = 3
    FIRST_SUBSCRIPTION = 10


class Requests:
    """The requests of one venue. Ids are unique over all its connections, since answers name nothing else."""

    def __init__(self) -> None:
        self._subscriptions: list[tuple[str, ...]] = []

    def opening(self, channels: Sequence[str]) -> tuple[bytes, ...]:
        """Return what to send on a new connection: ask for heartbeats, then subscribe."""
        heartbeat = _call(_Id.HEARTBEAT, "public/set_heartbeat", {"interval": HEARTBEAT_SECONDS})
        return heartbeat, self._subscribe(tuple(channels))

    def again(self, channel: str) -> tuple[bytes, ...]:
        """Return what to send for a channel to start anew."""
        unsubscribe = _call(_Id.UNSUBSCRIBE, "public/unsubscribe", {"channels": [channel]})
        return unsubscribe, self._subscribe((channel,))

    @staticmethod
    def test() -> bytes:
        """Return the answer to a ``test_request``; without it Deribit closes the connection at once."""
        return _call(_Id.TEST, "public/test", {})

    def answered(self, frame: messages.Frame) -> list[VenueEvent]:
        """Understand the answer to a request: a subscription's lists the channels that Deribit took, and no others."""
        if frame.error is not None:
            about = self._asked(frame.id)
            detail = f"{frame.error.code} {frame.error.message[:200]}" + (f" for {_names(about)}" if about else "")
            return [Notice(NoticeKind.ERROR, detail)]
        if frame.id == _Id.TEST:
            return []
        asked = self._asked(frame.id)
        if not asked:
            return [Notice(NoticeKind.ACKNOWLEDGED, f"request {frame.id}")]
        try:
            taken = set(messages.decode_channels(frame.result))
        except UNREADABLE as error:
            return [Refusal("answer_malformed", f"{error}: {bytes(frame.result)[:200]!r}")]
        missing = [channel for channel in asked if channel not in taken]
        notices: list[VenueEvent] = []
        if len(missing) < len(asked):
            notices.append(Notice(NoticeKind.ACKNOWLEDGED, f"{len(asked) - len(missing)} channels"))
        if missing:
            notices.append(Notice(NoticeKind.ERROR, f"not subscribed: {_names(missing)}"))
        return notices

    def _subscribe(self, channels: tuple[str, ...]) -> bytes:
        if channels not in self._subscriptions:
            self._subscriptions.append(channels)
        number = _Id.FIRST_SUBSCRIPTION + self._subscriptions.index(channels)
        return _call(number, "public/subscribe", {"channels": channels})

    def _asked(self, number: int | str | None) -> tuple[str, ...]:
        place = number - _Id.FIRST_SUBSCRIPTION if isinstance(number, int) else -1
        return self._subscriptions[place] if 0 <= place < len(self._subscriptions) else ()


def _call(number: int, method: str, params: dict[str, object]) -> bytes:
    return msgspec.json.encode({"jsonrpc": "2.0", "id": int(number), "method": method, "params": params})


def _names(channels: Sequence[str]) -> str:
    return ", ".join(channels[:10]) + (f" and {len(channels) - 10} more" if len(channels) > 10 else "")
