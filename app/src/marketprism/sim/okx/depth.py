"""The ``books`` channel of one instrument: snapshots for new subscribers, updates for all, faults of the chain."""

from collections.abc import Iterable

from marketprism.sim.facts import DepthUpdate
from marketprism.sim.floor import Floor
from marketprism.sim.hub import Channel
from marketprism.sim.market import TICK_MS, Market
from marketprism.sim.okx.books import BookRow, WindowedBook
from marketprism.sim.okx.frames import push
from marketprism.sim.okx.listings import OkxListing
from marketprism.sim.okx.requests import Entrance
from marketprism.sim.truth import Row
from marketprism.sim.venue import Frame, Publication, Sort

_PERIOD_MS = 100


class Depth:
    """Publishes one book.

    Args:
        keepalive_seconds: Silence after which an empty update is sent.
    """

    def __init__(self, floor: Floor, market: Market, listing: OkxListing, *, keepalive_seconds: float) -> None:
        self.channel: Channel = (Entrance.PUBLIC, f"books:{listing.symbol}")
        self._floor, self._market, self._listing = floor, market, listing
        self._book = WindowedBook(listing)
        self._quiet_ticks, self._patience_ticks = 0, keepalive_seconds * 1000 / TICK_MS

    def snapshot(self, now_ms: int) -> Frame:
        """Return the frame with which a subscription starts; what is published next follows it without a gap."""
        if not self._followed:
            self._book.open(*self._market.book.published(_PERIOD_MS))
        frame = self._frame(self._book.snapshot(now_ms, checksum=self._checksum), "snapshot")
        if self._floor.truth:
            about, noted = self._listing, self._shortened(frame)
            self._floor.truth.note(
                Row("snapshot", about.market, about.symbol, self.channel[1], now_ms, sent=True, event=noted)
            )
        return frame

    def updates(self, fact: DepthUpdate, now_ms: int) -> Iterable[Publication]:
        """Write one update of the book, and what active faults put before it."""
        if not self._followed:
            return
        market, symbol = self._listing.market, self._listing.symbol
        if self._floor.faults.strike("empty-update", market, symbol):
            yield self._publication(self._book.keepalive(now_ms, checksum=self._checksum))
        if self._floor.faults.strike("seq-reset", market, symbol):
            self._book.restart(fact.last_id)
        book = self._market.book
        row = self._book.advance(fact.last_id, book.bids, book.asks, now_ms, checksum=self._checksum)
        if row:
            yield self._publication(row)

    def silence(self, now_ms: int) -> Iterable[Publication]:
        """Say that nothing has changed, where that has been so for long; called once a tick."""
        self._quiet_ticks += 1
        if self._followed and self._quiet_ticks >= self._patience_ticks:
            yield self._publication(self._book.keepalive(now_ms, checksum=self._checksum))

    @property
    def _followed(self) -> bool:
        """Whether every update so far reached the book that subscribers know."""
        truth = self._floor.truth
        return self._floor.hub.wanted(self.channel) or bool(truth and truth.unsent_too and self._book.sequence >= 0)

    @property
    def _checksum(self) -> int | None:
        fault = self._floor.faults.active("checksum", self._listing.market, self._listing.symbol)
        return fault.number("off_by") if fault else None

    def _publication(self, row: BookRow) -> Publication:
        self._quiet_ticks = 0
        frame = self._frame(row, "update")
        return Publication(
            self.channel, Sort.DEPTH, "books", self._listing.symbol, lambda: frame, lambda _: self._shortened(frame)
        )

    def _frame(self, row: BookRow, action: str) -> Frame:
        return push("books", {"instId": self._listing.symbol}, [row], action)

    def _shortened(self, frame: Frame) -> Frame:
        """Return what the truth log notes: ids, the count of levels and the best ones after the update."""
        (row,) = frame["data"]
        kept = {key: value for key, value in row.items() if key not in {"bids", "asks"}}
        return {"action": frame["action"], **kept, "levels": [len(row["bids"]), len(row["asks"])], **self._book.touch()}
