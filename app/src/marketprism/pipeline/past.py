"""The past of one instrument, piece by piece: requests out, answers in, events to publish out.

A piece is asked for its next request until it has none; what stands in the way of the rest is its `problem`. Pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec

from marketprism.contract.events import NOBODY, Gap, Trade
from marketprism.contract.instruments import Instrument
from marketprism.pipeline.missing import MissingTrades
from marketprism.pipeline.outputs import Record
from marketprism.venues.protocol import EXPIRED, Observed, Refusal, RestRequest, Venue, VenueEvent

HEALER = "backfill"
"""What the ledger says of a hole that is filled here."""
GIVE_UP_NS = 60_000_000_000
"""A venue may have its newest trades a little later: what it lacks of the last minute is not given up."""


class Piece(Protocol):
    """A piece of the past.

    Attributes:
        problem: Why it ends before its end; empty while nothing stands in the way.
    """

    problem: str

    def request(self) -> RestRequest | None:
        """Return the next request; None when there is none, or none helps."""
        ...

    def answer(self, request: RestRequest, body: bytes, receive_ns: int) -> list[Record]:
        """Take the answer to it; return what is to be published."""
        ...

    def end(self, now_ns: int) -> list[Record]:
        """Return what is to be published when there is no request any more."""
        ...


@dataclass(slots=True)
class _Search:
    """The search for the oldest trade of a run that the venue still tells.

    Attributes:
        gone: Newest id that is known to be told no more.
        told: Oldest one that is told, as far as is known.
    """

    gone: int
    told: int

    @property
    def next_id(self) -> int:
        """The id to ask for next."""
        return (self.gone + self.told) // 2

    @property
    def is_over(self) -> bool:
        """Whether the two are neighbours."""
        return self.told - self.gone <= 1


class TradesPiece:
    """Runs of missing trades, and the ledger's entry about them where there is one.

    Args:
        venue: The adapter.
        instrument: Whose trades they are.
        runs: First and last ids that are missing.
        gap: The open entry; it is told to be healed when the last of the trades is there, and to be given up when the
            venue no longer has one.
    """

    def __init__(
        self, venue: Venue, instrument: Instrument, runs: Sequence[tuple[int, int]], gap: Gap | None = None
    ) -> None:
        self.problem = ""
        self._venue = venue
        self._instrument = instrument
        self._runs = [MissingTrades(venue, instrument, *run) for run in runs]
        self._lost: list[MissingTrades] = []
        self._search: _Search | None = None
        self._gap = gap

    @property
    def missing(self) -> int:
        """Ids that are still missing and may still come."""
        return sum(run.size for run in self._runs)

    def request(self) -> RestRequest | None:
        """Return the request for the next of the missing trades."""
        if self.problem or not self.missing:
            return None
        run = next(run for run in self._runs if run.size)
        request = run.request(None if self._search is None else self._search.next_id)
        if request is None:
            self.problem = "the venue gives no trades of the past"
        return request

    def answer(self, request: RestRequest, body: bytes, receive_ns: int) -> list[Record]:
        """Take trades; what comes with them, such as liquidations, goes along."""
        events, self.problem = _read(self._venue, request, body, receive_ns)
        run = next(run for run in self._runs if run.size)
        if self.problem.startswith(EXPIRED) or self._search is not None:
            return self._look_for_the_oldest(run, request)
        left = run.size
        trades = run.take([event.event for event in events if isinstance(event.event, Trade)])
        records = [Record("trade", self._instrument, trade) for trade in trades]
        records += [Record(e.data_type, e.instrument, e.event) for e in events if not isinstance(e.event, Trade)]
        if run.size == left and not self.problem:
            self._runs.remove(run)
            self._lost.append(run)
        return records

    def _look_for_the_oldest(self, run: MissingTrades, request: RestRequest) -> list[Record]:
        """Halve the run until the oldest trade that the venue still tells is found; what is before it is lost."""
        search = self._search or _Search(gone=run.first, told=run.last + 1)
        if self.problem.startswith(EXPIRED):
            self.problem, search.gone = "", request.first_id
        elif not self.problem:
            search.told = request.first_id
        self._search = None if search.is_over else search
        if search.is_over:
            self._lost.append(MissingTrades(self._venue, self._instrument, run.first, search.gone))
            run.first = search.told
        return []

    def end(self, now_ns: int) -> list[Record]:
        """Return what tells the ledger that the hole is filled or given up, if it is."""
        if self._lost and not self.problem:
            places = ", ".join(f"{run.first} to {run.last}" for run in self._lost)
            self.problem = f"the venue has no trades {places} any more"
        if self._gap is None or self.missing or (self._lost and now_ns - self._gap.timestamp_us * 1000 < GIVE_UP_NS):
            return []
        gap = msgspec.structs.replace(self._gap, healed_by=NOBODY if self._lost else HEALER, healed_ns=now_ns)
        return [Record("gap", self._instrument, gap)]


class SeriesPiece:
    """Rates, interests or ratios in a stretch of time.

    Args:
        venue: The adapter.
        data_type: Which.
        instrument: Whose.
        start_us: UTC microseconds.
        end_us: Likewise; not included.
    """

    def __init__(self, venue: Venue, data_type: str, instrument: Instrument, start_us: int, end_us: int) -> None:
        self.problem = ""
        self._venue = venue
        self._data_type = data_type
        self._instrument = instrument
        self._start_us = start_us
        self._end_us = end_us

    def request(self) -> RestRequest | None:
        """Return the request for the next part."""
        if self.problem or self._start_us >= self._end_us:
            return None
        request = self._venue.history_request(self._data_type, self._instrument, self._start_us, self._end_us)
        if request is None:
            self.problem = f"the venue gives no {self._data_type} of the past"
        return request

    def answer(self, request: RestRequest, body: bytes, receive_ns: int) -> list[Record]:
        """Take a part."""
        events, self.problem = _read(self._venue, request, body, receive_ns)
        if not self.problem:
            self._start_us = request.end_us
        return [Record(event.data_type, event.instrument, event.event) for event in events]

    def end(self, now_ns: int) -> list[Record]:
        """Return nothing."""
        return []


def boundary(venue: Venue, request: RestRequest, body: bytes, time_us: int) -> int | str:
    """Return the id with which the trades from a time on begin, or why it is not known.

    Args:
        venue: The adapter.
        request: Of `Venue.history_request`.
        body: Its answer: the first trade from that time on, or the last one before it.
        time_us: UTC microseconds.
    """
    events, problem = _read(venue, request, body, 0)
    for event in events:
        if isinstance(event.event, Trade):
            first_id, last_id = venue.chain(event.event)
            return first_id if event.event.timestamp_us >= time_us else last_id + 1
    return problem or "the venue has no trade there"


def _read(venue: Venue, request: RestRequest, body: bytes, receive_ns: int) -> tuple[list[Observed], str]:
    """Return the events of an answer, and the first refusal in it; an answer is used whole or not at all."""
    events: list[VenueEvent] = venue.read(request, body, receive_ns)
    refusal = next((event for event in events if isinstance(event, Refusal)), None)
    if refusal is not None:
        return [], f"{refusal.reason}: {refusal.detail}"
    return [event for event in events if isinstance(event, Observed)], ""
