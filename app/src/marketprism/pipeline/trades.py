"""One instrument's trades: none missing unseen, and what is missing fetched over REST where the venue allows it."""

from dataclasses import dataclass

import msgspec

from marketprism.book.continuity import Place, TradeContinuity
from marketprism.contract.events import Gap, Trade
from marketprism.contract.instruments import Instrument
from marketprism.pipeline.missing import MissingTrades
from marketprism.pipeline.outputs import FeedCounters, Output
from marketprism.pipeline.waits import Wait
from marketprism.venues.protocol import SECOND_NS, Refusal, RestRequest, Venue

RETRY_NS = 15 * SECOND_NS
"""Wait after an answer that brought nothing: a venue's REST may be behind its WebSocket."""
MAX_TRIES = 5


@dataclass(slots=True)
class _Healing:
    """A hole that is being filled.

    Attributes:
        gap: As it was told.
        wait: Before it is asked for again; None while it is being asked for.
    """

    gap: Gap
    missing: MissingTrades
    tries: int = 0
    wait: Wait | None = None


class TradeFeed:
    """The trades of one instrument.

    Args:
        venue: Knows which ids a trade covers, and how missing ones are asked for.
        instrument: Whose trades they are.
        counters: Shared by the feed.
    """

    def __init__(self, venue: Venue, instrument: Instrument, counters: FeedCounters) -> None:
        self._venue = venue
        self._instrument = instrument
        self._counters = counters
        self._continuity = TradeContinuity()
        self._holes: dict[int, _Healing] = {}

    def trade(self, trade: Trade) -> list[Output]:
        """Take the next trade of the stream."""
        first_id, last_id = self._venue.chain(trade)
        place, hole = self._continuity.place(first_id, last_id)
        if place is Place.REPEATED:
            refusal = Refusal("trade_repeated", f"{self._instrument} {trade.trade_id}")
            return [self._counters.refuse(refusal)]
        outputs: list[Output] = []
        if hole is not None:
            gap = Gap(
                data_type="trade",
                after_id=hole.first - 1,
                before_id=hole.last + 1,
                size=hole.last - hole.first + 1,
                timestamp_us=trade.timestamp_us,
                receive_ns=trade.receive_ns,
            )
            outputs.append(self._counters.record("gap", self._instrument, gap))
            outputs += self._ask(_Healing(gap, MissingTrades(self._venue, self._instrument, hole.first, hole.last)))
        outputs.append(self._counters.record("trade", self._instrument, trade))
        return outputs

    def answer(self, request: RestRequest, trades: list[Trade], receive_ns: int) -> list[Output]:
        """Take the trades that an answer brought; those of the hole are published, and the rest of it is asked for."""
        hole = self._hole_of(request)
        if hole is None:
            return []
        left = hole.missing.size
        found = hole.missing.take(trades)
        outputs: list[Output] = [self._counters.record("trade", self._instrument, trade) for trade in found]
        if hole.missing.size == left:
            self.failed(request, receive_ns)
        elif hole.missing.size:
            outputs += self._ask(hole)
        else:
            del self._holes[hole.gap.after_id]
            healed = msgspec.structs.replace(hole.gap, healed_by="rest", healed_ns=receive_ns)
            outputs.append(self._counters.record("gap", self._instrument, healed))
        return outputs

    def failed(self, request: RestRequest, now_ns: int) -> None:
        """Ask again after a while, a few times; then the hole stays in the ledger as it is."""
        hole = self._hole_of(request)
        if hole is None:
            return
        hole.tries += 1
        if hole.tries >= MAX_TRIES:
            del self._holes[hole.gap.after_id]
        else:
            hole.wait = Wait(now_ns, RETRY_NS)

    def due(self, now_ns: int) -> list[Output]:
        """Return the requests that are to be repeated now."""
        outputs: list[Output] = []
        for hole in list(self._holes.values()):
            if hole.wait is not None and not hole.wait.left_ns(now_ns):
                outputs += self._ask(hole)
        return outputs

    def _ask(self, hole: _Healing) -> list[Output]:
        hole.wait = None
        request = hole.missing.request()
        if request is None:
            return []
        self._holes[hole.gap.after_id] = hole
        return [request]

    def _hole_of(self, request: RestRequest) -> _Healing | None:
        return next((hole for hole in self._holes.values() if hole.missing.overlaps(request)), None)
