"""When a session may try to connect: within the exchange's budget, and by what became of its attempts before."""

import asyncio
import random
import time
from dataclasses import dataclass

from websockets.exceptions import InvalidStatus

from marketprism.collector.allowance import Places
from marketprism.collector.backoff import Backoff
from marketprism.collector.budget import AttemptBudget
from marketprism.collector.state import (
    BLOCKED_STATUSES,
    BLOCKED_WAIT_SECONDS,
    LIMITED_STATUSES,
    VenueState,
    retry_after,
)
from marketprism.telemetry import logs
from marketprism.venues.protocol import SECOND_NS

SOUND_SECONDS = 30.0
"""A connection that lasted this long was a success: the next attempt starts with the shortest wait again."""
FRUITLESS_SECONDS = 180.0
"""Wait after a second connection that delivered nothing while the first one did."""
CAP_SECONDS = 15.0
ATTEMPTS_IN_A_ROW_LOGGED = 5

_log = logs.get("session")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialing:
    """How a venue's connections are opened.

    Attributes:
        proxy: None goes directly.
        attempts: Shared by the venues of one exchange.
        places: Shared by the process.
        state: Told what the venue answers.
        first_wait_seconds: Bound of the first wait after a loss.
        rotation_seconds: Age at which a connection is replaced; exchanges cut theirs after a day.
    """

    proxy: str | None
    attempts: AttemptBudget
    places: Places
    state: VenueState
    first_wait_seconds: float = 0.5
    rotation_seconds: float = 23 * 3600 + 50 * 60


class Redial:
    """The waits of one session.

    Args:
        name: The session's.
        dialing: How its venue is connected to.
    """

    def __init__(self, name: str, dialing: Dialing) -> None:
        self.backoff = Backoff(first=dialing.first_wait_seconds, cap=max(CAP_SECONDS, dialing.first_wait_seconds))
        self.not_before = 0.0
        """The earliest time of the next attempt, in monotonic seconds."""
        self._name = name
        self._dialing = dialing

    async def permission(self) -> None:
        """Wait until an attempt may be made, and count it."""
        attempts = self._dialing.attempts
        await asyncio.sleep(max(0.0, self.not_before - time.monotonic()))
        while (wait_ns := attempts.wait_ns(time.monotonic_ns())) > 0:  # noqa: ASYNC110 - others spend the budget meanwhile
            await asyncio.sleep(wait_ns / SECOND_NS)
        attempts.spend(time.monotonic_ns())

    def opened(self) -> None:
        """Note that an attempt worked out."""
        self._dialing.state.served(self._name)

    def replaced(self) -> None:
        """Note that a connection was replaced as it should be."""
        self.backoff.reset()

    def lost(self, after_seconds: float) -> None:
        """Note that a connection has ended so many seconds after it was opened."""
        if after_seconds >= SOUND_SECONDS:
            self.backoff.reset()
        self._wait(self.backoff.next(_roll()))

    def fruitless(self) -> None:
        """Note that a new connection was given up because it delivered nothing."""
        self._wait(FRUITLESS_SECONDS)

    def failed(self, cause: str | None, refusal: InvalidStatus | None) -> None:
        """Note that no connection was opened, and what the venue answered instead of it."""
        seconds = self._wait_for(refusal) if refusal is not None else None
        if seconds is None:
            seconds = self.backoff.next(_roll())
        self._wait(seconds)
        if self.backoff.attempts <= ATTEMPTS_IN_A_ROW_LOGGED:
            _log.warning("not connected", connection=self._name, cause=cause, wait_seconds=round(seconds, 2))

    def _wait_for(self, refusal: InvalidStatus) -> float | None:
        status, state = refusal.response.status_code, self._dialing.state
        if status in BLOCKED_STATUSES:
            state.blocked(self._name, f"{self._name} answers HTTP {status}")
            return BLOCKED_WAIT_SECONDS
        if status in LIMITED_STATUSES:
            seconds = retry_after(refusal.response.headers.get("Retry-After"))
            state.limited(seconds, f"{self._name} answers HTTP {status}", time.time_ns())
            self._dialing.attempts.close(seconds, time.monotonic_ns())
            return seconds
        return None

    def _wait(self, seconds: float) -> None:
        self.not_before = time.monotonic() + seconds


def _roll() -> float:
    return random.random()  # noqa: S311 - jitter is no secret
