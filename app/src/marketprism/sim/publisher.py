"""The way of one venue's frames out of the exchange: to whoever is subscribed, and into the truth log."""

from collections.abc import Iterable

import msgspec

from marketprism.sim.floor import Floor
from marketprism.sim.instruments import MarketKind
from marketprism.sim.truth import Row
from marketprism.sim.venue import Publication

_encode = msgspec.json.Encoder().encode


class Publisher:
    """Publishes what venues render."""

    def __init__(self, floor: Floor) -> None:
        self._floor = floor

    def publish(self, market: MarketKind, publications: Iterable[Publication], now_ms: int) -> None:
        """Send publications in order; those without a subscriber are rendered only where the truth log wants them."""
        hub, truth = self._floor.hub, self._floor.truth
        for each in publications:
            if not hub.wanted(each.channel) and not (truth and truth.unsent_too):
                hub.events += 1
                continue
            frame = each.render()
            taken = hub.publish(each.channel, _encode(frame))
            if truth:
                noted = each.truth(frame) if each.truth else frame
                truth.note(Row(each.kind, market, each.symbol, each.channel[1], now_ms, sent=taken > 0, event=noted))
