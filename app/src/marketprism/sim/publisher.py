"""The way of one venue's frames out of the exchange: to whoever is subscribed, and into the truth log."""

from collections.abc import Iterable

import msgspec

from marketprism.sim.floor import Floor
from marketprism.sim.instruments import MarketKind
from marketprism.sim.tampering import Outcome, Tampering
from marketprism.sim.truth import Row
from marketprism.sim.venue import Frame, Publication

_encode = msgspec.json.Encoder().encode


class Publisher:
    """Publishes what venues render, as far as no fault interferes."""

    def __init__(self, floor: Floor) -> None:
        self._floor, self._tampering = floor, Tampering(floor.faults)

    def publish(self, market: MarketKind, publications: Iterable[Publication], now_ms: int) -> None:
        """Send publications in order; those without a subscriber are rendered only where the truth log wants them."""
        hub, truth = self._floor.hub, self._floor.truth
        for each in publications:
            wanted = hub.wanted(each.channel)
            if not wanted and not (truth and truth.unsent_too):
                hub.events += 1
                continue
            frame = each.render()
            outcome = Outcome([_encode(frame)])
            if wanted and not self._tampering.idle:
                outcome = self._tampering.apply(market, each, outcome.frames[0])
            taken = [hub.publish(each.channel, part) for part in outcome.frames]
            if truth:
                sent = outcome.sent and wanted and (any(taken) or not taken)
                event = _noted(each, frame)
                stream = each.channel[1]
                truth.note(Row(each.kind, market, each.symbol, stream, now_ms, sent, event, outcome.fault))

    def finish(self) -> None:
        """Send what a fault held back."""
        for channel, frame in self._tampering.late():
            self._floor.hub.publish(channel, frame)


def _noted(publication: Publication, frame: Frame | list[Frame]) -> Frame:
    if publication.truth:
        return publication.truth(frame)
    return {"rows": frame} if isinstance(frame, list) else frame
