"""How one simulator runs: everything that the command line decides."""

from dataclasses import dataclass
from pathlib import Path

from marketprism.sim.instruments import MarketKind


@dataclass(frozen=True, slots=True, kw_only=True)
class SimSettings:
    """Settings of one simulator.

    Attributes:
        port: 0 takes a free one.
        symbols: Pairs, such as ``BTCUSDT`` or ``BTC-USDT``; each venue lists them under its own names.
        rate: Mean trades per second and symbol.
        truth: Where the ground-truth log goes; None writes none.
        truth_bytes: Size at which a log file is rotated.
        truth_files: Rotated files kept beside the current one, so the log never exceeds
            ``truth_bytes * (truth_files + 1)``.
        truth_all: Log events that no client was subscribed to as well.
        state: File that carries the markets over a restart; None starts new ones each time.
        max_clients: WebSocket connections at a time; further ones are answered 503.
        queue_frames: Frames waiting for one slow client before it is cut off.
        stale_every: Every n-th depth snapshot of a symbol comes from a copy up to a second old, as the real exchange's
            caches do; 0 never.
        replay: Recorded files to serve instead of generated markets.
        speed: Replay speed, 1 as recorded.
        loop: Start over at the end of the recording.
    """

    bind: str = "127.0.0.1"
    port: int = 8190
    markets: tuple[MarketKind, ...] = (MarketKind.BINANCE_SPOT, MarketKind.BINANCE_USDM)
    symbols: tuple[str, ...] = ("BTCUSDT", "ETHUSDT")
    seed: int = 1
    rate: float = 20.0
    truth: Path | None = None
    truth_bytes: int = 64 * 2**20
    truth_files: int = 3
    truth_all: bool = False
    state: Path | None = None
    max_clients: int = 64
    queue_frames: int = 5_000
    stale_every: int = 4
    replay: tuple[Path, ...] = ()
    speed: float = 1.0
    loop: bool = False
