"""How one simulator runs: everything that the command line decides."""

from dataclasses import dataclass
from pathlib import Path

from marketprism.sim.instruments import MarketKind, Pair, pair

_PECULIAR = (Pair("币安人生", "USDT"), Pair("PICO", "USDT"))
"""A name that is not ASCII, and a tick of 1e-12."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SimSettings:
    """Settings of one simulator.

    Attributes:
        port: 0 takes a free one.
        symbols: Pairs, such as ``BTCUSDT`` or ``BTC-USDT``; each venue lists them under its own names.
        symbol_count: Fill the pairs up to this count with made-up ones.
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
        scenario: Faults and when they are injected; see `scenario`.
        replay: Recorded files to serve instead of generated markets.
        speed: Replay speed, 1 as recorded.
        loop: Start over at the end of the recording.
    """

    bind: str = "127.0.0.1"
    port: int = 8190
    markets: tuple[MarketKind, ...] = tuple(MarketKind)
    symbols: tuple[str, ...] = ("BTCUSDT", "ETHUSDT")
    symbol_count: int = 0
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
    scenario: Path | None = None
    replay: tuple[Path, ...] = ()
    speed: float = 1.0
    loop: bool = False

    def pairs(self) -> list[Pair]:
        """Return what is listed: the named pairs, then made-up ones, among them one with a non-ASCII name.

        Raises:
            ConfigurationError: A named one is no pair.
        """
        named = list(dict.fromkeys(pair(symbol) for symbol in self.symbols))
        made_up = [Pair(f"SIM{number:04d}", "USDT") for number in range(self.symbol_count)]
        return named + [*_PECULIAR, *made_up][: max(0, self.symbol_count - len(named))]
