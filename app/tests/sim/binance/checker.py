"""An order book kept by the official rules, as a client would: the judge of what the simulator sends.

It shares nothing with the simulator: it reads wire frames and compares decimal numbers.
"""

from dataclasses import dataclass, field
from decimal import Decimal

from tests.sim.conftest import Frame

Touch = tuple[Decimal, Decimal, Decimal, Decimal]


def touch(ticker: Frame) -> Touch:
    """Best bid and ask with quantities of a bookTicker frame."""
    return Decimal(ticker["b"]), Decimal(ticker["B"]), Decimal(ticker["a"]), Decimal(ticker["A"])


@dataclass
class OfficialBook:
    """Applies a snapshot and then every update; an assertion fails where a rule is broken."""

    futures: bool
    last_id: int
    bids: dict[Decimal, Decimal] = field(default_factory=dict)
    asks: dict[Decimal, Decimal] = field(default_factory=dict)
    applied: int = 0

    @classmethod
    def of(cls, snapshot: Frame) -> "OfficialBook":
        book = cls("T" in snapshot, snapshot["lastUpdateId"])
        book.change(snapshot["bids"], snapshot["asks"])
        return book

    def change(self, bids: list[list[str]], asks: list[list[str]]) -> None:
        for side, levels in ((self.bids, bids), (self.asks, asks)):
            for price, quantity in levels:
                if Decimal(quantity):
                    side[Decimal(price)] = Decimal(quantity)
                else:
                    side.pop(Decimal(price), None)

    def apply(self, update: Frame) -> bool:
        """Apply one depthUpdate; False when it is older than the book."""
        if update["u"] < self.last_id or (not self.futures and update["u"] == self.last_id):
            return False
        if self.applied and self.futures:
            assert update["pu"] == self.last_id
        elif self.futures:
            assert update["U"] <= self.last_id <= update["u"] or update["pu"] == self.last_id
        elif self.applied:
            assert update["U"] == self.last_id + 1
        else:
            assert update["U"] <= self.last_id + 1 <= update["u"]
        self.change(update["b"], update["a"])
        self.last_id = update["u"]
        self.applied += 1
        assert max(self.bids) < min(self.asks), "crossed book"
        return True

    @property
    def touch(self) -> Touch:
        bid, ask = max(self.bids), min(self.asks)
        return bid, self.bids[bid], ask, self.asks[ask]


def compared(book: OfficialBook, frames: list[Frame]) -> int:
    """Apply all depthUpdates and compare with bookTickers of equal u; return how many comparisons were equal."""
    tickers = {frame["u"]: touch(frame) for frame in frames if "A" in frame}
    equal = 0
    for frame in frames:
        if frame.get("e") == "depthUpdate" and book.apply(frame) and frame["u"] in tickers:
            assert book.touch == tickers[frame["u"]]
            equal += 1
    return equal
