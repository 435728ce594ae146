"""``marketprism sim``: serve a simulated exchange."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from marketprism.sim.instruments import MarketKind
from marketprism.sim.market import MAX_RATE
from marketprism.sim.server import run
from marketprism.sim.settings import SimSettings
from marketprism.telemetry import logs

_LIVE, _LIMITS, _REPLAY = "Generated markets", "Limits", "Replay"


def sim(
    *,
    bind: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(help="Port of WebSocket, REST, /health and /control/faults.", min=0, max=65535)
    ] = 8190,
    market: Annotated[
        list[MarketKind] | None, typer.Option(help="Market to serve; repeatable. Default: all.", rich_help_panel=_LIVE)
    ] = None,
    symbol: Annotated[
        list[str] | None,
        typer.Option(
            help="Pair to serve, BTCUSDT or BTC-USDT; repeatable. Default: BTCUSDT and ETHUSDT.", rich_help_panel=_LIVE
        ),
    ] = None,
    symbols: Annotated[
        int, typer.Option(help="Fill up to this count with made-up symbols.", min=0, max=2000, rich_help_panel=_LIVE)
    ] = 0,
    seed: Annotated[int, typer.Option(help="Seed of the order flow.", min=0, rich_help_panel=_LIVE)] = 1,
    rate: Annotated[
        float,
        typer.Option(help="Mean trades per second and symbol.", min=0.1, max=MAX_RATE, rich_help_panel=_LIVE),
    ] = 20.0,
    state: Annotated[
        Path | None,
        typer.Option(help="File that carries books and ids over a restart.", dir_okay=False, rich_help_panel=_LIVE),
    ] = None,
    stale_every: Annotated[
        int,
        typer.Option(help="Every n-th snapshot is up to 1 s old; 0: none.", min=0, rich_help_panel=_LIVE),
    ] = 4,
    scenario: Annotated[
        Path | None,
        typer.Option(
            help="YAML list of faults to inject, each with at_seconds.", dir_okay=False, rich_help_panel=_LIVE
        ),
    ] = None,
    truth: Annotated[
        Path | None,
        typer.Option(help="Ground-truth log of what was sent, JSON lines.", dir_okay=False, rich_help_panel=_LIVE),
    ] = None,
    truth_all: Annotated[
        bool, typer.Option(help="Log events without a subscriber too, as sent=false.", rich_help_panel=_LIVE)
    ] = False,
    truth_mb: Annotated[
        int, typer.Option(help="Size at which the truth log is rotated, in MiB.", min=1, rich_help_panel=_LIMITS)
    ] = 64,
    truth_files: Annotated[int, typer.Option(help="Rotated truth logs kept.", min=0, rich_help_panel=_LIMITS)] = 3,
    max_clients: Annotated[
        int, typer.Option(help="WebSocket connections at a time.", min=1, rich_help_panel=_LIMITS)
    ] = 64,
    queue_frames: Annotated[
        int,
        typer.Option(help="Frames that wait for a slow client before it is cut off.", min=1, rich_help_panel=_LIMITS),
    ] = 5_000,
    replay: Annotated[
        list[Path] | None,
        typer.Option(
            help="Recorded file to serve instead of generated markets; repeatable, in order.",
            exists=True,
            dir_okay=False,
            rich_help_panel=_REPLAY,
        ),
    ] = None,
    speed: Annotated[
        float,
        typer.Option(help="Replay speed; 1 as recorded, 0 as fast as clients take it.", min=0, rich_help_panel=_REPLAY),
    ] = 1.0,
    loop: Annotated[bool, typer.Option(help="Replay again from the start, for ever.", rich_help_panel=_REPLAY)] = False,
    log_level: Annotated[str, typer.Option(help="DEBUG, INFO, WARNING or ERROR.")] = "INFO",
) -> None:
    """Serve simulated exchanges: lively generated markets, or recorded frames of Binance."""
    logs.configure(log_level)
    defaults = SimSettings()
    settings = SimSettings(
        bind=bind,
        port=port,
        markets=tuple(dict.fromkeys(market or defaults.markets)),
        symbols=tuple(dict.fromkeys(symbol or defaults.symbols)),
        symbol_count=symbols,
        seed=seed,
        rate=rate,
        truth=truth,
        truth_bytes=truth_mb * 2**20,
        truth_files=truth_files,
        truth_all=truth_all,
        state=state,
        max_clients=max_clients,
        queue_frames=queue_frames,
        stale_every=stale_every,
        scenario=scenario,
        replay=tuple(replay or ()),
        speed=speed,
        loop=loop,
    )
    asyncio.run(run(settings))
