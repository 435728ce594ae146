"""One look at one venue with the collector's own means: its list of instruments over REST, then one event."""

import asyncio
import time
from dataclasses import dataclass

from marketprism.collector.allowance import Allowance
from marketprism.collector.capture import run_until
from marketprism.collector.venue import VenueCollector
from marketprism.errors import UnavailableError
from marketprism.pipeline.outputs import Record
from marketprism.settings import CollectorSettings, VenueSettings

_TYPES = ("trade", "orderbook")


@dataclass(frozen=True, slots=True)
class Trial:
    """The first event, and the seconds from the start until it came."""

    record: Record
    seconds: float


async def try_venue(name: str, settings: VenueSettings, collector: CollectorSettings, seconds: float) -> Trial:
    """Ask a venue for its instruments and wait for a trade or an order book of the first configured symbol.

    Raises:
        ConfigurationError: The venue does not list the symbol.
        UnavailableError: Nothing came in time; the message says what was in the way.
    """
    found: list[Trial] = []
    stop = asyncio.Event()
    started = time.monotonic()

    async def take(record: Record) -> None:
        if not found:
            found.append(Trial(record, time.monotonic() - started))
        stop.set()

    one = settings.model_copy(update={"symbols": settings.symbols[:1], "data_types": _TYPES})
    venue = VenueCollector(name, one, collector=collector, allowance=Allowance(collector.max_connections), sink=take)
    asyncio.get_running_loop().call_later(seconds, stop.set)
    causes = await run_until(stop, venue)
    if not found:
        raise UnavailableError(
            f"nothing came from {name} at {settings.rest_url} and {settings.ws_url} within {seconds:.0f} s:"
            f" {'; '.join(causes) or 'connected, but silent'}",
            remedy="see 'marketprism doctor exchange-blocked dns-failure websocket-flapping'",
        )
    return found[0]
