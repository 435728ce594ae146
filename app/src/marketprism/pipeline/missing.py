"""Missing trades of one instrument, filled from both ends by what a venue's REST answers."""

from collections.abc import Iterable

from marketprism.contract.events import Trade
from marketprism.contract.instruments import Instrument
from marketprism.venues.protocol import RestRequest, Venue


class MissingTrades:
    """A run of ids that are missing.

    Args:
        venue: Knows which ids a trade covers, and how missing ones are asked for.
        instrument: Whose trades they are.
        first: First id that is missing.
        last: Last one.
    """

    def __init__(self, venue: Venue, instrument: Instrument, first: int, last: int) -> None:
        self.first = first
        self.last = last
        self._venue = venue
        self._instrument = instrument

    @property
    def size(self) -> int:
        """Ids that are still missing; 0 when all are there."""
        return max(0, self.last - self.first + 1)

    def request(self, first: int | None = None) -> RestRequest | None:
        """Return the next request; None where the venue gives no trades of the past.

        Args:
            first: Ask from this id on, not from the first that is missing.
        """
        return self._venue.heal_request(self._instrument, self.first if first is None else first, self.last)

    def overlaps(self, request: RestRequest) -> bool:
        """Tell whether a request asked for some of the ids."""
        return self.first <= request.last_id and request.first_id <= self.last

    def take(self, trades: Iterable[Trade]) -> list[Trade]:
        """Return those of some trades that were missing, in order of their ids; they are no longer missing.

        An answer fills the run from one of its ends; trades amid what stays missing come again.
        """
        chain = self._venue.chain
        inside = sorted(
            (trade for trade in trades if self.first <= chain(trade)[0] and chain(trade)[1] <= self.last), key=chain
        )
        for trade in inside:
            first_id, last_id = chain(trade)
            if first_id == self.first:
                self.first = last_id + 1
        for trade in reversed(inside):
            first_id, last_id = chain(trade)
            if last_id == self.last and self.size:
                self.last = first_id - 1
        return inside
