"""The frames that every benchmark feeds: a recorded session of Binance USD-M futures, or the same kinds of frames from
the simulator's market where the recording is not there.

The recording (hftbacktest, MIT licence; ``RECORDINGS`` names its folder) dates from 2024. Its ``@trade`` frames are
written as ``@aggTrade``, which is what one subscribes to since, and which both sides read.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path

import msgspec

from marketprism.ops.replay import read_lines
from marketprism.sim.binance import frames
from marketprism.sim.binance.listings import listing
from marketprism.sim.binance.venue import Binance
from marketprism.sim.facts import Aggregate, DepthUpdate, Fact, Top
from marketprism.sim.instruments import MarketKind, pair
from marketprism.sim.market import TICK_MS, Market
from marketprism.sim.opening import opening_state

RECORDING = Path("hftbacktest", "usdm", "btcusdt_20240808.gz")
SYMBOL = "BTCUSDT"
IMAGE_LEVELS = 1000
"""A side, as in Binance's answer."""
GENERATED_RATE = 62.0
"""Trades a second, as in the recording."""

_START_MS = 1_791_382_992_000
_PERIOD_MS = 100

Frames = list[tuple[int, bytes]]
"""Receive time (ns) and frame, in order."""


@dataclass(frozen=True)
class Part:
    """What several instruments bring in the same time, each from another place of a session.

    Attributes:
        frames: Of all, by time.
        images: Every instrument's whole book before its first frame, by Binance's name.
    """

    frames: Frames
    images: dict[str, bytes]

    def write(self, directory: Path) -> list[str]:
        """Write both for a process of its own, which reads them with `read_lines` and `read_images`."""
        (directory / "frames").write_bytes(b"".join(b"%d %s\n" % each for each in self.frames))
        (directory / "images").write_bytes(b"".join(b"%s %s\n" % (n.encode(), i) for n, i in self.images.items()))
        return [str(directory / "frames"), str(directory / "images")]


@dataclass(frozen=True)
class Session:
    """One instrument's session.

    Attributes:
        origin: Where the frames come from, for the report.
        image: The whole book before the first depth frame, as REST gives it.
        frames: Combined-stream frames: depth, bookTicker, aggTrade.
    """

    origin: str
    image: bytes
    frames: Frames

    def of_many(self, instruments: int, count: int, *, tops: bool) -> Part:
        """Return about `count` frames, if there are as many; all places of the session together have its mix."""
        wanted = [each for each in self.frames if tops or b"@bookTicker" not in each[1][:40]]
        each = min(max(1, count // instruments), len(wanted))
        starts = [number * (len(wanted) - each) // max(1, instruments - 1) for number in range(instruments)]
        books = self._images(wanted, starts)
        old, began_ns = SYMBOL.encode(), wanted[0][0]
        found: Frames = []
        images = {}
        for number, start in enumerate(starts):
            name = f"S{number}USDT"
            images[name] = books[start]
            earlier_ns = wanted[start][0] - began_ns
            for receive_ns, frame in wanted[start : start + each]:
                renamed = frame.replace(old, name.encode()).replace(old.lower(), name.lower().encode())
                found.append((receive_ns - earlier_ns, renamed))
        return Part(sorted(found, key=itemgetter(0)), images)

    def _images(self, frames: Frames, places: list[int]) -> dict[int, bytes]:
        """Return the whole book before each of some frames."""
        book = json.loads(self.image)
        sides = {"b": dict(book["bids"]), "a": dict(book["asks"])}
        update_id, found = book["lastUpdateId"], {}
        wanted = set(places)
        for place, (_, frame) in enumerate(frames):
            if place in wanted:
                found[place] = _image(update_id, sides)
            if b"@depth" in frame[:40]:
                data = json.loads(frame)["data"]
                update_id = data["u"]
                for side, levels in sides.items():
                    levels.update(data[side])
        return found


def read_images(path: Path) -> dict[str, bytes]:
    """Read what `Part.write` wrote."""
    lines = (line.partition(b" ") for line in path.read_bytes().splitlines())
    return {name.decode(): image for name, _, image in lines}


def _image(update_id: int, sides: dict[str, dict[str, str]]) -> bytes:
    bids, asks = (
        sorted(
            ([price, size] for price, size in levels.items() if float(size)),
            key=lambda level: float(level[0]),
            reverse=side == "b",
        )
        for side, levels in sides.items()
    )
    image = {"lastUpdateId": update_id, "bids": bids[:IMAGE_LEVELS], "asks": asks[:IMAGE_LEVELS]}
    return json.dumps(image, separators=(",", ":")).encode()


def load(recordings: Path | None, seconds: float) -> Session:
    """Return the recorded session, or a generated one of so many seconds."""
    if recordings is not None and (recordings / RECORDING).exists():
        return _recorded(recordings / RECORDING)
    return _generated(seconds)


def _recorded(path: Path) -> Session:
    lines = list(read_lines(path))
    image = next(frame for _, frame in lines if b'"stream"' not in frame[:40])
    update_id = json.loads(image)["lastUpdateId"]
    streamed = [(receive_ns, frame) for receive_ns, frame in lines if b'"stream"' in frame[:40]]
    start = next(
        index
        for index, (_, frame) in enumerate(streamed)
        if b"@depth" in frame[:40] and json.loads(frame)["data"]["u"] >= update_id
    )
    return Session(f"recorded ({path.name})", image, [(at, _as_aggregate(frame)) for at, frame in streamed[start:]])


def _as_aggregate(frame: bytes) -> bytes:
    if b"@trade" not in frame[:40]:
        return frame
    data = json.loads(frame)["data"]
    trade_id = data.pop("t")
    data |= {"e": "aggTrade", "a": trade_id, "f": trade_id, "l": trade_id}
    return _wrapped("aggTrade", data)


def _generated(seconds: float) -> Session:
    about = listing(MarketKind.BINANCE_USDM, pair(SYMBOL))
    state = opening_state(about, seed=1, update_id=1000, trade_id=1000)
    market, venue = Market(about, seed=1, rate=GENERATED_RATE, state=state), Binance()
    image = frames.snapshot(about, state.update_id, state.bids, state.asks, _START_MS)

    def streamed() -> Iterator[tuple[int, bytes]]:
        for tick in range(1, int(seconds * 1000 / TICK_MS)):
            now_ms = _START_MS + tick * TICK_MS
            for fact in filter(_is_streamed, market.step(now_ms)):
                for told in venue.publications(about, fact, now_ms):
                    yield now_ms * 1_000_000, _wrapped(told.channel[1].partition("@")[2], told.render())

    return Session("generated by the simulator's market", msgspec.json.encode(image), list(streamed()))


def _is_streamed(fact: Fact) -> bool:
    return isinstance(fact, Aggregate | Top) or (isinstance(fact, DepthUpdate) and fact.period_ms == _PERIOD_MS)


def _wrapped(stream: str, data: object) -> bytes:
    return msgspec.json.encode({"stream": f"{SYMBOL.lower()}@{stream}", "data": data})
