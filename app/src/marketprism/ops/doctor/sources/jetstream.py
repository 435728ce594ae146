"""Streams and consumers, as NATS shows them without a password, and their drift, as the administrator."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from marketprism.ops import apply
from marketprism.ops.doctor.evidence import Consumer, Stream
from marketprism.settings import Settings

QUERY = "/jsz?streams=true&consumers=true&config=true"
"""Path at the monitor."""


def streams(jsz: Mapping[str, Any]) -> dict[str, Stream]:
    """Read the monitor's answer to `QUERY`."""
    now = _time(jsz.get("now"))
    return {
        each["name"]: _stream(each, now)
        for account in jsz.get("account_details") or ()
        for each in account.get("stream_detail") or ()
    }


def _stream(shown: Mapping[str, Any], now: float | None) -> Stream:
    state = shown.get("state") or {}
    return Stream(
        name=shown["name"],
        messages=int(state.get("messages", 0)),
        bytes=int(state.get("bytes", 0)),
        max_bytes=max(0, int((shown.get("config") or {}).get("max_bytes", 0))),
        newest_seconds=_age(state.get("last_ts"), now),
        oldest_seconds=_age(state.get("first_ts"), now),
        consumers=tuple(_consumer(each, now) for each in shown.get("consumer_detail") or ()),
    )


def _consumer(shown: Mapping[str, Any], now: float | None) -> Consumer:
    return Consumer(
        name=shown["name"],
        pending=int(shown.get("num_pending", 0)),
        unacknowledged=int(shown.get("num_ack_pending", 0)),
        idle_seconds=_age((shown.get("ack_floor") or {}).get("last_active"), now),
    )


def _age(text: Any, now: float | None) -> float | None:
    then = _time(text)
    return now - then if now is not None and then is not None else None


def _time(text: Any) -> float | None:
    """Read a time; the server writes the year 1 for none."""
    if not isinstance(text, str) or text.startswith("0001-"):
        return None
    return datetime.fromisoformat(text).timestamp()


async def drift(settings: Settings) -> tuple[str, ...]:
    """List what ``streams apply`` would change.

    Raises:
        UnavailableError: NATS does not answer or refuses the user.
        ConfigurationError: The credential cannot be read.
    """
    result = await apply.apply_streams(settings, check=True)
    return (*result.changed, *(refused.what for refused in result.refused))
