"""What does a venue really send, here and now? Everything that it delivers is subscribed to for a while and counted."""

import asyncio
import contextlib
import time
from dataclasses import dataclass
from pathlib import Path

from marketprism.collector.allowance import Allowance
from marketprism.collector.capture import discard, open_recording, run_until
from marketprism.collector.proxies import Proxies
from marketprism.collector.questions import Answer, ask
from marketprism.collector.venue import VenueCollector
from marketprism.contract.venues import VENUES, place
from marketprism.pipeline.outputs import Record
from marketprism.settings import CollectorSettings, VenueSettings

QUESTION_SECONDS = 10.0
"""How long a stream is listened to of which nobody knows whether it delivers."""


@dataclass(slots=True)
class FeedProbe:
    """One data type of one symbol.

    Attributes:
        first_seconds: Time from the start to its first event; None where none came.
    """

    data_type: str
    symbol: str
    events: int = 0
    first_seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What came.

    Attributes:
        refused: Frames and events that cannot be used, by reason.
        causes: What was wrong at the end, such as a blocked address.
        clock_skew_seconds: Our clock minus the venue's; None where no time came.
        answers: To what no page of the exchange settles.
        recording: Where the frames are kept; None where nothing was refused, or nothing was to be kept.
    """

    venue: str
    seconds: float
    frames: int
    feeds: list[FeedProbe]
    refused: dict[str, int]
    gaps: dict[str, int]
    causes: list[str]
    clock_skew_seconds: float | None
    answers: list[Answer]
    recording: str | None


async def probe(
    name: str, settings: VenueSettings, collector: CollectorSettings, seconds: float, keep: Path | None
) -> Probe:
    """Collect everything that a venue delivers of the configured symbols for some seconds, then ask what is open.

    Args:
        name: The venue's name in the settings.
        settings: Addresses and symbols.
        collector: How connections are made.
        seconds: How long.
        keep: New file that keeps all frames if some of them were refused; None keeps none.

    Raises:
        ConfigurationError: A symbol is not listed, or the file cannot be made.
    """
    wanted = settings.model_copy(update={"data_types": VENUES[name].data_types})
    feeds = {
        (data_type, symbol): FeedProbe(data_type, symbol)
        for data_type in wanted.data_types
        for symbol in dict.fromkeys(place(name, data_type, each)[1] for each in wanted.symbols)
    }
    started = time.monotonic()

    async def count(record: Record) -> None:
        found = feeds.get((record.data_type, record.instrument.symbol))
        if found is not None:
            found.events += 1
            if found.first_seconds is None:
                found.first_seconds = round(time.monotonic() - started, 2)

    def write(body: bytes, receive_ns: int) -> None:
        if out is not None:
            out.write(b"%d %s\n" % (receive_ns, body.replace(b"\n", b"")))

    venue = VenueCollector(
        name, wanted, collector=collector, allowance=Allowance(collector.max_connections), sink=count, tap=write
    )
    stop = asyncio.Event()
    asyncio.get_running_loop().call_later(seconds, stop.set)
    with open_recording(keep) if keep is not None else contextlib.nullcontext() as out:
        causes = await run_until(stop, venue)
    refused = dict(venue.counters.refused)
    if keep is not None and not refused:
        discard(keep)
    answers = await ask(name, wanted, Proxies.of(collector, wanted), min(seconds, QUESTION_SECONDS))
    return Probe(
        venue=name,
        seconds=seconds,
        frames=venue.counters.frames,
        feeds=list(feeds.values()),
        refused=refused,
        gaps=dict(venue.counters.gaps),
        causes=causes,
        clock_skew_seconds=venue.skew_seconds,
        answers=answers,
        recording=str(keep) if keep is not None and refused else None,
    )
