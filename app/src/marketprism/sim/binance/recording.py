"""Recorded frames on disk: lines of ``<receive time, ns> <raw JSON>``, plain, gzip or zstd.

A WebSocket frame keeps its ``{"stream": …, "data": …}`` envelope; a REST depth snapshot is a line without one, where it
arrived. Such a line does not name its symbol, so a file that holds one is taken to be about a single symbol.
"""

import gzip
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import zstandard

from marketprism.errors import ConfigurationError
from marketprism.sim.instruments import MarketKind

_HEAD_LINES = 20_000
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"


class DepthEvent(msgspec.Struct, rename={"first_id": "U", "last_id": "u", "bids": "b", "asks": "a"}):
    """What a book needs of a recorded depth update."""

    first_id: int
    last_id: int
    bids: list[tuple[str, str]]
    asks: list[tuple[str, str]]


class Snapshot(msgspec.Struct, rename={"last_id": "lastUpdateId"}):
    """A recorded REST snapshot."""

    last_id: int
    bids: list[tuple[str, str]]
    asks: list[tuple[str, str]]


class _Line(msgspec.Struct):
    stream: str = ""
    data: msgspec.Raw = msgspec.Raw()
    snapshot_id: int | None = msgspec.field(default=None, name="lastUpdateId")


@dataclass(frozen=True, slots=True)
class Record:
    """One recorded line; `stream` is empty for a REST snapshot, and `event` the JSON exactly as it was received."""

    received_ns: int
    stream: str
    event: bytes


@dataclass(frozen=True, slots=True)
class Summary:
    """What the head of a recording tells."""

    market: MarketKind
    symbol: str
    snapshot: Snapshot | None


def read(path: Path) -> Iterator[Record]:
    """Read a recording line by line.

    Raises:
        ConfigurationError: The file cannot be read, or a line is not of the format.
    """
    number = 0
    try:
        with _open(path) as file:
            for line in file:
                number += 1
                received, _, body = line.strip().partition(b" ")
                parsed = msgspec.json.decode(body, type=_Line)
                if parsed.stream:
                    yield Record(int(received), parsed.stream, bytes(parsed.data))
                elif parsed.snapshot_id is not None:  # anything else is an acknowledgement
                    yield Record(int(received), "", body)
    except (OSError, EOFError, ValueError, zstandard.ZstdError) as error:
        raise ConfigurationError(
            f"recording {path} cannot be read at line {number}: {error}",
            remedy="each line is '<receive time in ns> <JSON>', the file plain, gzip or zstd",
        ) from error


def summarize(path: Path) -> Summary:
    """Look at the head of a recording: which market and symbol it is about, and its first snapshot.

    Raises:
        ConfigurationError: As for `read`, or no line tells the market.
    """
    market, symbol, snapshot = None, "", None
    for number, record in enumerate(read(path)):
        if not record.stream:
            snapshot = snapshot or msgspec.json.decode(record.event, type=Snapshot)
        elif market is None:
            market = _market(record)
            symbol = record.stream.partition("@")[0].upper()
        if (market and snapshot) or number >= _HEAD_LINES:
            break
    if market is None:
        raise ConfigurationError(
            f"recording {path} names no market: it has no trade, bookTicker or depth frame",
            remedy="record combined streams, which carry their name",
        )
    return Summary(market, symbol, snapshot)


def _market(record: Record) -> MarketKind | None:
    """Tell the products apart by fields that only one of them has."""
    fields = msgspec.json.decode(record.event, type=dict[str, msgspec.Raw])
    kind = record.stream.partition("@")[2].partition("@")[0]
    match kind:
        case "trade" | "aggTrade":
            spot = "M" in fields
        case "bookTicker":
            spot = "e" not in fields
        case "depth":
            spot = "pu" not in fields
        case _:
            return None
    return MarketKind.BINANCE_SPOT if spot else MarketKind.BINANCE_USDM


def _open(path: Path) -> io.BufferedIOBase:
    with path.open("rb") as file:
        magic = file.read(4)
    if magic.startswith(_GZIP):
        return gzip.open(path, "rb")
    if magic == _ZSTD:
        reader = zstandard.ZstdDecompressor().stream_reader(path.open("rb"), closefd=True, read_across_frames=True)
        return io.BufferedReader(reader)
    return path.open("rb")
