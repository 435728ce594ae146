"""One round of frames through our adapter, book and feed for every line on standard input; see `bench_adapter`.

python -m benchmarks.worker_ours FRAMES IMAGES
"""

import json
import sys
import time
from collections import Counter
from pathlib import Path

from benchmarks.frames import Frames, read_images
from marketprism.ops.replay import read_lines
from marketprism.pipeline.feed import Feed
from marketprism.pipeline.outputs import Record
from marketprism.venues.binance.adapter import Binance
from marketprism.venues.binance.markets import USDM, instrument


def round_of(frames: Frames, images: dict[str, bytes]) -> dict[str, float]:
    instruments = [instrument(USDM, symbol) for symbol in images]
    venue = Binance(USDM, instruments, ("trade", "orderbook", "orderbook_delta"))
    feed = Feed(venue, book_changes=True)
    for each in instruments:
        feed.answer(venue.book_request(each)[0], images[each.name], frames[0][0])
    found: Counter[str] = Counter()
    cpu, started = time.process_time(), time.perf_counter()
    for receive_ns, frame in frames:
        for output in feed.feed(frame, receive_ns):
            if isinstance(output, Record):
                found[output.data_type] += 1
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    assert not feed.counters.refused, feed.counters
    assert not feed.counters.gaps, feed.counters
    return {"seconds": seconds, "cpu": cpu, "trades": found["trade"], "books": found["orderbook_delta"]}


def main() -> None:
    frames = list(read_lines(Path(sys.argv[1])))
    images = read_images(Path(sys.argv[2]))
    for _ in sys.stdin:
        result = round_of(frames, images)
        sys.stdout.write(json.dumps(result) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
