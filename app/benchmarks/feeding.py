"""Frames that never end: a session's frames over and over, with ids that go on and times of now."""

import json
from dataclasses import dataclass

from benchmarks.frames import Frames

Ids = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Template:
    """One frame without its ids and times.

    Attributes:
        text: With places for the time (twice) and the ids.
        ids: As in the session.
        symbol: Whose frame it is.
        is_trade: Whether its ids are those of trades.
    """

    text: bytes
    ids: Ids
    symbol: str
    is_trade: bool

    def frame(self, now_ms: int, shift: int) -> bytes:
        """Return the frame with its ids moved up."""
        return self.text % (now_ms, now_ms, *[number + shift for number in self.ids])


class Rounds:
    """The frames of a part of a session as templates.

    Args:
        frames: Of depth and aggTrade streams.

    Attributes:
        templates: One per frame, in order.
    """

    def __init__(self, frames: Frames) -> None:
        self.templates = [_template(json.loads(frame)) for _, frame in frames]
        self._spans: dict[tuple[str, bool], int] = {}
        first: dict[tuple[str, bool], int] = {}
        for each in self.templates:
            kind = (each.symbol, each.is_trade)
            before = each.ids[1] - 1 if each.is_trade else each.ids[2]
            last = each.ids[2] if each.is_trade else each.ids[1]
            self._spans[kind] = last - first.setdefault(kind, before)

    def shift(self, number: int, symbol: str, *, is_trade: bool) -> int:
        """Return how far ids are moved up in a round, so that it continues the one before."""
        return number * self._spans.get((symbol, is_trade), 0)


def _template(frame: dict[str, object]) -> Template:
    data = frame["data"]
    assert isinstance(data, dict)
    if data["e"] == "aggTrade":
        names, rest = ("a", "f", "l"), {"m": data["m"]}
    else:
        names, rest = ("U", "u", "pu"), {"b": data["b"], "a": data["a"]}
    fixed = {"e": data["e"], "s": data["s"]} | {key: data[key] for key in ("p", "q") if key in data} | rest
    body = json.dumps(fixed, separators=(",", ":"))[1:]
    places = ",".join(f'"{name}":%d' for name in ("E", "T", *names))
    text = f'{{"stream":"{frame["stream"]}","data":{{{places},{body}}}'
    ids = tuple(int(data[name]) for name in names)
    return Template(text.encode(), ids, str(data["s"]), data["e"] == "aggTrade")


def image_of(image: bytes, shift: int) -> bytes:
    """Return the whole book with its update id moved up."""
    book = json.loads(image)
    return json.dumps(book | {"lastUpdateId": book["lastUpdateId"] + shift}).encode()
