"""The commands ``collector`` and ``capture``."""

import asyncio
import signal
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from marketprism import settings as settings_module
from marketprism.cli.reload import reload_on_hangup
from marketprism.collector.capture import record
from marketprism.collector.service import CollectorService
from marketprism.contract.venues import VENUES
from marketprism.errors import ConfigurationError
from marketprism.pipeline.outputs import FeedCounters
from marketprism.settings import CollectorSettings, Settings, VenueSettings
from marketprism.telemetry import logs


class Mode(StrEnum):
    """How the collector runs."""

    LAUNCHER = "launcher"


def collector(
    mode: Annotated[Mode, typer.Option(help="launcher: all enabled venues in this process.")] = Mode.LAUNCHER,
) -> None:
    """Collect market data into NATS until stopped."""
    settings = settings_module.load()
    logs.configure(settings.log_level)
    logs.get("collector").info("starting", mode=mode, source=settings.source)
    asyncio.run(_collect(settings))


def capture(
    venue: Annotated[str, typer.Argument(help=f"{', '.join(VENUES)}; its addresses come from the settings.")],
    symbol: Annotated[str, typer.Option(help="Canonical symbol, such as BTC-USDT.")],
    out: Annotated[Path, typer.Option(help="New file, ending in .gz or .zst.")],
    seconds: Annotated[float | None, typer.Option(help="Length; without it until Ctrl-C.", min=1)] = None,
) -> None:
    """Record a live connection in the format that `replay` reads."""
    settings = settings_module.load()
    logs.configure(settings.log_level)
    if venue not in settings.venues:
        raise ConfigurationError(f"venue {venue!r} is unknown", remedy=f"known are {', '.join(settings.venues)}")
    wanted = settings.venues[venue].model_copy(update={"symbols": (symbol,), "data_types": ("trade", "orderbook")})
    counters = asyncio.run(_capture(venue, wanted, settings.collector, out, seconds))
    events = ", ".join(f"{count} {name}" for name, count in sorted(counters.events.items())) or "no events"
    typer.echo(f"{out}: {counters.frames} frames, {events}, {counters.gaps.total()} gaps")


async def _collect(settings: Settings) -> None:
    reload_on_hangup()
    await CollectorService(settings).run(_stop_on_signals())


async def _capture(
    venue: str, settings: VenueSettings, collector: CollectorSettings, out: Path, seconds: float | None
) -> FeedCounters:
    stop = _stop_on_signals()
    if seconds is not None:
        asyncio.get_running_loop().call_later(seconds, stop.set)
    return await record(venue, settings, collector, out, stop)


def _stop_on_signals() -> asyncio.Event:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop
