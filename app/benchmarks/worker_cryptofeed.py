"""One round of frames through cryptofeed's message handler for every line on standard input; see `bench_adapter`.

    python benchmarks/worker_cryptofeed.py FRAMES IMAGES    # with the Python of a venv that has cryptofeed

It imports nothing of ours. Callbacks count; the books' images come from a stand-in for the HTTP connection.
"""

import asyncio
import json
import sys
import time
from collections import Counter
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from cryptofeed.defines import BINANCE_FUTURES, L2_BOOK, TICKER, TRADES
from cryptofeed.exchanges import BinanceFutures
from cryptofeed.symbols import Symbols


class Rest:
    """Answers requests for whole books."""

    def __init__(self, images: dict[str, str]) -> None:
        self._images = images

    async def read(self, url: str, **_options: object) -> str:
        (symbol,) = parse_qs(urlsplit(url).query)["symbol"]
        return self._images[symbol]


async def round_of(frames: list[tuple[float, str]], images: dict[str, str]) -> dict[str, float]:
    found: Counter[str] = Counter()

    async def count(event: object, _receipt: float) -> None:
        found[type(event).__name__] += 1

    names = {f"{symbol.removesuffix('USDT')}-USDT-PERP": symbol for symbol in images}
    Symbols.set(BINANCE_FUTURES, names, {"instrument_type": dict.fromkeys(names, "perpetual"), "tick_size": {}})
    channels = (TRADES, L2_BOOK, TICKER)
    venue = BinanceFutures(symbols=list(names), channels=channels, callbacks=dict.fromkeys(channels, count))
    venue.http_conn = Rest(images)
    venue._reset()
    for symbol in images:
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
    pairs = [line.partition(" ") for line in Path(sys.argv[2]).read_text(encoding="utf-8").splitlines()]
    images = {symbol: image for symbol, _, image in pairs}
    for _ in sys.stdin:
        result = await round_of(frames, images)
        sys.stdout.write(json.dumps(result) + "\n")
        sys.stdout.flush()


asyncio.run(main())
