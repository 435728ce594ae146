"""Records a live venue in the format of hftbacktest: one line per frame, ``<receive ns> <raw JSON>``.

Snapshots that the books ask for are written between the frames where they arrived, so `marketprism replay` sees what
the live feed saw.
"""

import asyncio
import gzip
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO, cast

import zstandard

from marketprism.collector.allowance import Allowance
from marketprism.collector.groups import unwrapped
from marketprism.collector.venue import VenueCollector
from marketprism.errors import ConfigurationError, UnavailableError
from marketprism.pipeline.outputs import FeedCounters, Record
from marketprism.settings import CollectorSettings, VenueSettings
from marketprism.telemetry.watchdog import Watchdog


def open_recording(path: Path) -> AbstractContextManager[IO[bytes]]:
    """Open a new recording; the ending says how it is compressed.

    Raises:
        ConfigurationError: The ending is neither ``.gz`` nor ``.zst``, or the file exists.
    """
    openers: dict[str, Callable[..., object]] = {".gz": gzip.open, ".zst": zstandard.open}
    if path.suffix not in openers:
        raise ConfigurationError(f"{path} ends in neither .gz nor .zst", remedy="choose one of these endings")
    try:
        return cast("AbstractContextManager[IO[bytes]]", openers[path.suffix](path, "xb"))
    except OSError as error:
        raise ConfigurationError(
            f"recording {path} cannot be made: {error}", remedy="name a new file in a folder that exists"
        ) from error


async def record(
    name: str, settings: VenueSettings, collector: CollectorSettings, path: Path, stop: asyncio.Event
) -> FeedCounters:
    """Write what one venue sends until `stop` is set.

    Args:
        name: The venue's name in the settings.
        settings: Addresses, symbols and data types.
        collector: How connections are made.
        path: New file for the lines.
        stop: Ends the recording.

    Returns:
        What went through the feed meanwhile.

    Raises:
        ConfigurationError: The symbol is unknown, or the file cannot be made.
        UnavailableError: Nothing came.
    """

    async def nowhere(_event: Record) -> None: ...

    def write(body: bytes, receive_ns: int) -> None:
        out.write(b"%d %s\n" % (receive_ns, body.replace(b"\n", b"")))

    venue = VenueCollector(
        name,
        settings,
        collector=collector,
        allowance=Allowance(collector.max_connections),
        sink=nowhere,
        tap=write,
    )
    with open_recording(path) as out:
        try:
            causes = await run_until(stop, venue)
        finally:
            if venue.counters.frames == 0:
                discard(path)
    if venue.counters.frames == 0:
        raise UnavailableError(f"nothing came from {name}: {'; '.join(causes)}", remedy="check the venue's addresses")
    return venue.counters


def discard(path: Path) -> None:
    """Remove a recording of nothing."""
    path.unlink()


async def run_until(stop: asyncio.Event, venue: VenueCollector) -> list[str]:
    """Collect until `stop` is set; return what was wrong at that moment."""
    with unwrapped():
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(venue.run(Watchdog().loop(venue.name)), name=venue.name)
            await stop.wait()
            causes = [venue.state.cause(time.time_ns()), *(session.cause for session in venue.sessions.values())]
            running.cancel()
    return [cause for cause in causes if cause is not None]
