"""What the exchanges sent, read from the simulator's truth log: where their chains of ids are broken on the wire.

The simulator knows nothing of the collector's rules, and neither does this: a chain is broken where what was sent does
not name the id of what was sent before.
"""

from collections import deque
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from marketprism.sim.truth import Row

IN_FLIGHT_MS = 1500
"""What a broken connection had been sent for so long may not have arrived."""

Top = tuple[tuple[str, str], tuple[str, str]]
"""Best bid and ask: price and quantity as sent."""


class Place(NamedTuple):
    """A chain: market, the exchange's name of the instrument, data type."""

    market: str
    instrument: str
    data_type: str


class Link(NamedTuple):
    """One message of a chain.

    Attributes:
        first: First id that it covers.
        last: Last one.
        before: Id that it follows; None for a whole book.
        checked: Whether it carries a checksum.
    """

    first: int
    last: int
    before: int | None
    at_ms: int
    checked: bool = False


@dataclass(frozen=True, slots=True)
class Hole:
    """Where a chain is broken.

    Attributes:
        after_id: Last id before.
        before_id: First one behind.
        image: Whether a whole book comes behind it.
        in_flight: Ids before `after_id` whose successors were sent so late that a broken connection may have lost them.
    """

    place: Place
    after_id: int
    before_id: int
    at_ms: int
    image: bool
    in_flight: frozenset[int]


@dataclass(slots=True)
class Chain:
    """The ids of one place, in the order of the wire."""

    place: Place
    last: Link | None = None
    lied: bool = False
    recent: deque[Link] = field(default_factory=lambda: deque(maxlen=2000))

    def take(self, link: Link, *, lying: bool = False) -> Hole | None:
        """Take the next message.

        Args:
            lying: Its checksum is wrong where it has one.
        """
        last, new_lie = self.last, lying and link.checked and not self.lied
        self.lied = lying and link.checked
        if last is None:
            return self._adopt(link, None)
        follows = link.last == last.last if link.before is None else link.before == last.last
        if follows and not new_lie:
            return self._adopt(link, None)
        if link.before is not None and link.last <= last.last and not follows:
            return None  # late, or sent once more
        pairs = pairwise(self.recent)
        in_flight = frozenset(arrived.last for arrived, lost in pairs if last.at_ms - lost.at_ms <= IN_FLIGHT_MS)
        image = link.before is None
        return self._adopt(link, Hole(self.place, last.last, link.first, link.at_ms, image, in_flight))

    def _adopt(self, link: Link, hole: Hole | None) -> Hole | None:
        self.last = link
        self.recent.append(link)
        return hole


class Wire:
    """Reads a truth log while it grows.

    Attributes:
        holes: All that were found.
        tops: Best levels of every book after each of its updates, by place and update id, lost updates included.
        lying: Markets whose checksums are wrong at present.
    """

    def __init__(self, path: Path) -> None:
        self.holes: list[Hole] = []
        self.tops: dict[tuple[Place, int], Top] = {}
        self.lying: set[str] = set()
        self._path, self._offset = path, 0
        self._chains: dict[Place, Chain] = {}
        self._overtaken: dict[Place, list[Link]] = {}
        self._decode = msgspec.json.Decoder(Row).decode

    def read(self) -> None:
        """Take what was written since the last time; the log begins with the first event."""
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            file.seek(self._offset)
            for line in file:
                if not line.endswith(b"\n"):
                    break
                self._offset += len(line)
                if line.startswith(_WANTED):
                    self._row(self._decode(line))

    def flows(self, markets: Collection[str], since_ms: int) -> bool:
        """Tell whether every chain of some markets has a message since a time."""
        chains = [chain for place, chain in self._chains.items() if place.market in markets]
        return all(chain.last is not None and chain.last.at_ms > since_ms for chain in chains)

    def was_sent(self, place: Place, after_id: int, before_id: int, since_ms: int) -> bool:
        """Tell whether all that is between two ids was sent, and not before a time."""
        sent = [link for link in self._chains[place].recent if after_id < link.last < before_id]
        return bool(sent) and all(link.at_ms >= since_ms for link in sent)

    def _row(self, row: Row) -> None:
        for data_type, link, top in _links(row):
            place = Place(row.venue.value, row.symbol, data_type)
            if top is not None:
                self.tops[place, link.last] = top
            if row.fault == "reordered":
                self._overtaken.setdefault(place, []).append(link)
            elif row.sent:
                for each in (link, *self._overtaken.pop(place, ())):
                    self._take(place, each)

    def _take(self, place: Place, link: Link) -> None:
        chain = self._chains.setdefault(place, Chain(place))
        hole = chain.take(link, lying=place.market in self.lying)
        if hole is not None:
            self.holes.append(hole)


_KINDS = ("trade", "aggTrade", "trades", "depthUpdate", "books", "book", "snapshot")
_WANTED = tuple(f'{{"kind":"{kind}"'.encode() for kind in _KINDS)


def _links(row: Row) -> Iterator[tuple[str, Link, Top | None]]:
    """Read one row: data type, link, and the best levels of a book."""
    event, at_ms = row.event, row.at_ms
    match row.kind:
        case "trade" if row.venue.value == "binance-spot":
            yield "trade", _trade(event["t"], 1, at_ms), None
        case "aggTrade" if row.venue.value == "binance-usdm":
            yield "trade", _trade(event["a"], 1, at_ms), None
        case "trades" if "trades" in event:
            if row.stream.startswith(f"trades.{row.symbol}."):
                for each in event["trades"]:
                    yield "trade", _trade(each["trade_seq"], 1, at_ms), None
        case "trades":
            yield "trade", _trade(int(event["tradeId"]), int(event["count"]), at_ms), None
        case "depthUpdate" if row.stream.endswith("@depth@100ms"):
            top = event["top"]
            levels = (top["b"], top["B"]), (top["a"], top["A"])
            yield "orderbook", Link(event["U"], event["u"], event.get("pu", event["U"] - 1), at_ms), levels
        case "books" | "book" | "snapshot" if row.stream:
            yield "orderbook", _numbered(event, at_ms), (_pair(event["bid"]), _pair(event["ask"]))


def _trade(last: int, count: int, at_ms: int) -> Link:
    return Link(last - count + 1, last, last - count, at_ms)


def _numbered(event: dict[str, Any], at_ms: int) -> Link:
    """Read a book whose changes name one id and that of the change before."""
    own = event["seqId"] if "seqId" in event else event["change_id"]
    before = event.get("prevSeqId", event.get("prev_change_id"))
    return Link(own, own, None if before in {None, -1} else before, at_ms, bool(event.get("checksum")))


def _pair(level: list[Any]) -> tuple[str, str]:
    return str(level[0]), str(level[1])
