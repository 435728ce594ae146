"""Frames that never end: a session's frames over and over, with ids that go on and times of now."""

import json
from collections.abc import Iterator
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
    """A session's frames as templates.

    Args:
        frames: Of depth and aggTrade streams; all instruments have the same session.

    Attributes:
        templates: One per frame, in order.
        first_depth_id: The first depth frame's ``pu``: what the book's image has to stand at.
    """

    def __init__(self, frames: Frames) -> None:
        self.templates = [_template(json.loads(frame)) for _, frame in frames]
        trades = [each.ids for each in self.templates if each.is_trade]
        depths = [each.ids for each in self.templates if not each.is_trade]
        self.first_depth_id = depths[0][2]
        self._spans = {True: trades[-1][2] - trades[0][1] + 1, False: depths[-1][1] - self.first_depth_id}

    def shift(self, round_number: int, *, is_trade: bool) -> int:
        """Return how far ids are moved up, so that a round continues the one before."""
        return round_number * self._spans[is_trade]


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


def image_at(image: bytes, update_id: int) -> bytes:
    """Return the whole book as of another update id."""
    return json.dumps(json.loads(image) | {"lastUpdateId": update_id}).encode()


def endless(rounds: Rounds) -> Iterator[tuple[int, Template]]:
    """Yield round number and template for ever."""
    number = 0
    while True:
        for template in rounds.templates:
            yield number, template
        number += 1
