"""When the next REST request of each poll is due."""

from marketprism.pipeline.waits import Wait
from marketprism.venues.protocol import SECOND_NS, Poll, RestRequest

RETRY_NS = 10 * SECOND_NS
"""Wait after a request that failed, where the poll's own interval is not shorter."""


class Schedule:
    """All polls of one venue. A request is given out again only after its answer, or its failure, was told.

    Args:
        polls: What to repeat.
    """

    def __init__(self, polls: list[Poll]) -> None:
        self._interval_ns = {poll.request: poll.interval_ns for poll in polls}
        self._waits = dict.fromkeys(self._interval_ns, Wait())

    def due(self, now_ns: int) -> list[RestRequest]:
        """Return the requests whose time has come."""
        ready = [request for request, wait in self._waits.items() if not wait.left_ns(now_ns)]
        for request in ready:
            del self._waits[request]
        return ready

    def answered(self, request: RestRequest, now_ns: int) -> None:
        """Note the answer to a request."""
        self._waits[request] = Wait(now_ns, self._interval_ns[request])

    def failed(self, request: RestRequest, now_ns: int) -> None:
        """Note that a request was not answered."""
        self._waits[request] = Wait(now_ns, min(RETRY_NS, self._interval_ns[request]))
