"""Every benchmark by one command; docs/performance.md says what the lines mean.

cd app && python -m benchmarks [--quick] [--only adapter …] [--rounds 5] [--recordings FOLDER] [--json FILE]
"""

import argparse
import asyncio
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import msgspec

from benchmarks import bench_adapter, bench_disk, bench_pipeline, bench_publish, bench_storage, frames
from benchmarks.report import Report
from marketprism.telemetry import logs

NAMES = ("adapter", "publish", "storage", "disk", "pipeline")


@dataclass(frozen=True)
class Size:
    """How much is measured.

    Attributes:
        rounds: Of each comparison.
        frames: Through adapter and book, a round.
        events: Published, and stored, a round.
        seconds: Of the whole way, at full speed and at a pace.
        session_seconds: Length of a generated session.
        instruments: How many take turns, comparison by comparison.
    """

    rounds: int = 5
    frames: int = 100_000
    events: int = 400_000
    seconds: float = 60
    session_seconds: float = 300
    instruments: tuple[int, ...] = (20, 500)


QUICK = Size(rounds=1, frames=1_000, events=4_000, seconds=2, session_seconds=30, instruments=(20,))


def main() -> None:
    options = _options()
    logs.configure("ERROR")
    size = QUICK if options.quick else Size(rounds=options.rounds, seconds=options.seconds)
    session = frames.load(options.recordings, size.session_seconds)
    report = Report(lambda text: print(text, flush=True))
    print(f"frames: {session.origin}; minimum / median / maximum over {size.rounds} rounds, ratios by round")
    for name in options.only or NAMES:
        measure(name, session, options.recordings, size, report)
    if options.json:
        options.json.write_bytes(msgspec.json.encode({"frames": session.origin, "tables": report.tables}))


def measure(name: str, session: frames.Session, recordings: Path | None, size: Size, report: Report) -> None:
    match name:
        case "adapter":
            many = (1, *size.instruments)
            bench_adapter.run(session, many, size.rounds, size.frames, report.show, install=size is not QUICK)
        case "publish":
            asyncio.run(bench_publish.run(size.instruments, size.rounds, size.events, report.show))
        case "storage":
            asyncio.run(bench_storage.run(size.instruments, size.rounds, size.events, report.show))
        case "disk":
            asyncio.run(bench_disk.run(session, recordings, report.show))
        case "pipeline":
            asyncio.run(bench_pipeline.run(session, size.instruments, size.rounds, size.seconds, report.show))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure ours and its peers, in turns.")
    folder = os.environ.get("RECORDINGS")
    parser.add_argument("--quick", action="store_true", help="less than a minute, to see that everything runs")
    parser.add_argument("--only", nargs="+", choices=NAMES, help="some of them")
    parser.add_argument("--rounds", type=int, default=Size.rounds, help="rounds of each comparison")
    parser.add_argument("--seconds", type=float, default=Size.seconds, help="length of the runs of the whole way")
    parser.add_argument(
        "--recordings",
        type=Path,
        default=Path(folder) if folder else None,
        help="folder of recorded frames; $RECORDINGS; without one they are generated",
    )
    parser.add_argument("--json", type=Path, help="write the tables to this file as well")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
