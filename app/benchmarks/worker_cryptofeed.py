"""One round of frames through cryptofeed's message handler for every line on standard input; see `bench_adapter`.

    python benchmarks/worker_cryptofeed.py FRAMES IMAGE    # with the Python of a venv that has cryptofeed

It imports nothing of ours. Callbacks count; the book's image comes from a stand-in for the HTTP connection.
"""

import asyncio
import json
import resource
import sys
import time
from collections import Counter
from pathlib import Path

from cryptofeed.defines import BINANCE_FUTURES, L2_BOOK, TICKER, TRADES
from cryptofeed.exchanges import BinanceFutures
from cryptofeed.symbols import Symbols


class Image:
    """Answers every request with one whole book."""

    def __init__(self, text: str) -> None:
        self._text = text

    async def read(self, *_args: object, **_options: object) -> str:
        return self._text


async def round_of(frames: list[tuple[float, str]], image: str, symbols: list[str]) -> dict[str, float]:
    found: Counter[str] = Counter()

    async def count(event: object, _receipt: float) -> None:
        found[type(event).__name__] += 1

    names = {f"{symbol.removesuffix('USDT')}-USDT-PERP": symbol for symbol in symbols}
    Symbols.set(BINANCE_FUTURES, names, {"instrument_type": dict.fromkeys(names, "perpetual"), "tick_size": {}})
    channels = (TRADES, L2_BOOK, TICKER)
    venue = BinanceFutures(symbols=list(names), channels=channels, callbacks=dict.fromkeys(channels, count))
    venue.http_conn = Image(image)
    venue._reset()
    for symbol in symbols:
        await venue._snapshot(symbol)
    found.clear()
    cpu, started = time.process_time(), time.perf_counter()
    for receive_seconds, frame in frames:
        await venue.message_handler(frame, None, receive_seconds)
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    return {"seconds": seconds, "cpu": cpu, "trades": found["Trade"], "books": found["OrderBook"]}


async def main() -> None:
    lines = [line.partition(" ") for line in Path(sys.argv[1]).read_text(encoding="utf-8").splitlines()]
    frames = [(int(stamp) / 1e9, frame) for stamp, _, frame in lines]
    image = Path(sys.argv[2]).read_text(encoding="utf-8")
    symbols = sorted({json.loads(frame)["data"]["s"] for _, frame in frames})
    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in sys.stdin:
        result = await round_of(frames, image, symbols)
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - resident
        sys.stdout.write(json.dumps(result | {"grown_mib": grown / 1024}) + "\n")
        sys.stdout.flush()


asyncio.run(main())
