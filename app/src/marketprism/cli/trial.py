"""``marketprism test``: each part alone, by one command, as the operator's guide tests it by hand."""

import asyncio
from typing import Annotated

import typer

from marketprism import settings as configuration
from marketprism.collector.trial import Trial, try_venue
from marketprism.contract.catalog import NATS_USERS
from marketprism.contract.events import Trade
from marketprism.contract.venues import VENUES
from marketprism.errors import ConfigurationError
from marketprism.ops import trials
from marketprism.telemetry import logs

trial = typer.Typer(help="Test one part by hand.", no_args_is_help=True)


@trial.command("nats")
def nats(
    user: Annotated[str, typer.Option(help=f"{', '.join(NATS_USERS)}; each needs its credential.")] = "admin",
) -> None:
    """Connect to NATS, publish a question to JetStream and receive the answer."""
    typer.echo(asyncio.run(trials.nats(configuration.load(), user)))


@trial.command("clickhouse")
def clickhouse() -> None:
    """Ask ClickHouse for SELECT 1."""
    typer.echo(trials.clickhouse(configuration.load()))


@trial.command("exchange")
def exchange(
    venue: Annotated[str, typer.Argument(help=f"{', '.join(VENUES)}; its addresses come from the settings.")],
    seconds: Annotated[float, typer.Option(help="Longest wait.", min=1)] = 15.0,
) -> None:
    """Ask an exchange for its instruments over REST and wait for one trade or book over a WebSocket."""
    settings = configuration.load()
    logs.configure("ERROR")  # what is in the way is told at the end, once
    if venue not in settings.venues:
        raise ConfigurationError(f"venue {venue!r} is unknown", remedy=f"known are {', '.join(settings.venues)}")
    chosen = settings.venues[venue]
    typer.echo(f"{venue}: {_sentence(asyncio.run(try_venue(venue, chosen, settings.collector, seconds)))}")


def _sentence(found: Trial) -> str:
    event = found.record.event
    price = f" at {event.price}" if isinstance(event, Trade) else ""
    return (
        f"REST lists {found.record.instrument.symbol}, and the WebSocket brought its first {found.record.data_type}"
        f"{price} {found.seconds:.1f} s after the start"
    )
