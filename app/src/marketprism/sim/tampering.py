"""What faults do to frames on their way out: swallow, repeat, reorder, damage."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from marketprism.sim.hub import Channel
from marketprism.sim.injection import Fault, Faults
from marketprism.sim.instruments import MarketKind
from marketprism.sim.venue import Publication, Sort

_MEGABYTE = 1_000_000
_Fits = Callable[[Fault, Publication], bool]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What becomes of a frame.

    Attributes:
        frames: What is sent instead, now.
        sent: Whether the client gets the frame as it is, now or a little later.
        fault: The fault that touched it; empty for none.
    """

    frames: list[bytes]
    sent: bool = True
    fault: str = ""


class Tampering:
    """Applies the active faults to frames that somebody is subscribed to."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._held: dict[Channel, list[bytes]] = {}

    @property
    def idle(self) -> bool:
        """Whether nothing would happen to any frame."""
        return not (self._faults.injected or self._held)

    def apply(self, market: MarketKind, publication: Publication, frame: bytes) -> Outcome:
        """Decide on one frame."""
        late = self._held.pop(publication.channel, [])
        if swallowed := self._struck(market, publication, _SWALLOWED_BY):
            return Outcome(late, sent=False, fault=swallowed.kind.name)
        if damaged := self._struck(market, publication, _DAMAGED_BY):
            name = damaged.kind.name
            return Outcome([_DAMAGE[name](frame, damaged), *late], sent=name == "huge", fault=name)
        if self._struck(market, publication, {"duplicate": _of_sort}):
            return Outcome([frame, frame, *late], fault="duplicate")
        if self._struck(market, publication, {"reordered": _of_sort}):
            self._held[publication.channel] = [frame, *late]
            return Outcome([], fault="reordered")
        return Outcome([frame, *late])

    def late(self) -> list[tuple[Channel, bytes]]:
        """Return frames that were held back, when nothing will follow them any more."""
        held, self._held = self._held, {}
        return [(channel, frame) for channel, frames in held.items() for frame in frames]

    def _struck(self, market: MarketKind, publication: Publication, by: Mapping[str, _Fits]) -> Fault | None:
        """Use up a strike of the first fault that fits."""
        for name, fits in by.items():
            fault = self._faults.strike(
                name, market, publication.symbol, fits=partial(_fits, fits=fits, publication=publication)
            )
            if fault:
                return fault
        return None


def _fits(fault: Fault, *, fits: _Fits, publication: Publication) -> bool:
    return fits(fault, publication)


def _of_sort(fault: Fault, publication: Publication) -> bool:
    return fault.text("sort") in {"", publication.sort.value}


def _on_route(fault: Fault, publication: Publication) -> bool:
    return fault.text("route") in {"", str(publication.channel[0])}


_SWALLOWED_BY: dict[str, _Fits] = {
    "gap": lambda _fault, publication: publication.sort is Sort.DEPTH,
    "lost-trades": lambda _fault, publication: publication.sort is Sort.TRADE,
    "lost": _of_sort,
    "silent": _of_sort,
    "wrong-route": _on_route,
}

_DAMAGE: dict[str, Callable[[bytes, Fault], bytes]] = {
    "corrupted": lambda frame, _fault: frame.replace(b":", b";", 3),
    "truncated": lambda frame, _fault: frame[: len(frame) // 2],
    "huge": lambda frame, fault: b'%b,"padding":"%b"}' % (frame[:-1], b"x" * (fault.number("megabytes") * _MEGABYTE)),
}

_DAMAGED_BY = dict.fromkeys(_DAMAGE, _of_sort)
