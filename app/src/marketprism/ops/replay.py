"""Recorded frames through exactly the live adapter and book engine.

The format is that of hftbacktest's collector: gzip, zstd or plain lines of ``<receive time, ns> <raw JSON>``; REST
depth snapshots are lines without a stream, where they arrived.
"""

import gzip
import io
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, cast

import zstandard

from marketprism.errors import ConfigurationError
from marketprism.pipeline.feed import Feed
from marketprism.pipeline.outputs import Output
from marketprism.venues.protocol import RestRequest

_SNAPSHOT_START = b'{"lastUpdateId"'


def read_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield receive time (ns) and frame of every line.

    Raises:
        ConfigurationError: The file cannot be read, or a line has not the format.
    """
    try:
        with _open(path) as lines:
            for number, line in enumerate(lines, 1):
                stamp, _, frame = line.rstrip(b"\r\n").partition(b" ")
                if not stamp.isdigit() or not frame:
                    raise ConfigurationError(
                        f"{path} line {number} is {line[:60]!r}",
                        remedy="a recording has lines of '<receive ns> <raw JSON>', gzip or zstd",
                    )
                yield int(stamp), frame
    except (OSError, EOFError, zstandard.ZstdError) as error:
        raise ConfigurationError(f"recording {path} cannot be read: {error}", remedy="check the file") from error


def replay(lines: Iterable[tuple[int, bytes]], feed: Feed, request: RestRequest) -> Iterator[tuple[int, Output]]:
    """Feed recorded lines and yield receive time and output.

    Requests are not answered: the recording holds the answers where they arrived.

    Args:
        lines: Receive time (ns) and frame, in order.
        feed: Takes them.
        request: What recorded book snapshots are the answers to.
    """
    for receive_ns, frame in lines:
        outputs = feed.answer(request, frame, receive_ns) if _is_snapshot(frame) else feed.feed(frame, receive_ns)
        for output in outputs:
            yield receive_ns, output


def _is_snapshot(frame: bytes) -> bool:
    return frame.startswith(_SNAPSHOT_START) or (b'"lastUpdateId"' in frame[:200] and b'"stream"' not in frame[:200])


def _open(path: Path) -> BinaryIO:
    with path.open("rb") as start:
        magic = start.read(4)
    if magic[:2] == b"\x1f\x8b":
        return cast("BinaryIO", gzip.open(path, "rb"))
    if magic == b"\x28\xb5\x2f\xfd":
        return cast(
            "BinaryIO", io.BufferedReader(zstandard.ZstdDecompressor().stream_reader(path.open("rb"), closefd=True))
        )
    return path.open("rb")
