"""Frames and answers that an exchange never meant to send: seeded, so that each can be made again.

A mutant begins as a sound message. Most are broken in one way, some in two, a few not at all, so that books and chains
of trades get somewhere before they are hit.
"""

import json
import random
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

_VALUES: tuple[Any, ...] = (
    *(None, True, False, -1, 0, 1, 2**31, 2**63 - 1, 2**63, 2**64, 10**40, 0.5, 1e-12, 1e300),
    *("", " ", "0", "-0", "-1", "1", "1e5", "+1", "0x10", "1_000", "NaN", "Infinity", "٣", "\x00", "\ud800", "9" * 50),
    *("9" * 5000, "0." + "0" * 60 + "1", "btcusdt", "BTCUSDT", "BTC-USDT", "BTC-PERPETUAL", "snapshot", "delete"),
    *([], {}, [[]], [{}], [None], ["1"], [["1"]], [["1", "2"]], [["1", "2", "3", "4"]], {"s": []}, {"data": {}}),
)
_TEXTS = (b"NaN", b"-NaN", b"Infinity", b"-Infinity", b"1e400", b"-0", b"1.", b".5", b"01", b"+1", b"tru", b"'1'", b"")
"""What is no JSON, or no number, in the place of a value."""

_DEPTHS = (10, 900, 1100, 50_000)
_HUGE_BYTES = 10_000_000
_HOLE = "\ue000hole\ue000"
_HOLE_BYTES = json.dumps(_HOLE).encode()


@dataclass(frozen=True, slots=True)
class Mutant:
    """A message with the name of what was done to it."""

    kind: str
    body: bytes


class Fuzzer:
    """Makes mutants of an exchange's messages.

    Args:
        samples: Sound messages.
        seed: Equal seeds make equal mutants.
    """

    def __init__(self, samples: Sequence[bytes], seed: int) -> None:
        self._samples = samples
        self._random = random.Random(seed)
        self._number = 0

    def mutants(self, count: int, huge_every: int) -> Iterator[Mutant]:
        """Make so many mutants, every n-th of them of 10 MB."""
        for number in range(1, count + 1):
            kind = self._random.choice(_KINDS) if number % huge_every else "huge"
            yield Mutant(kind, _MAKE[kind](self))

    def sound(self) -> bytes:
        """Return a message with other small numbers in the places of its ids, as a sequence has them."""
        root = self._copy()
        for holder, key in self._places(root):
            value = holder[key]
            if isinstance(value, int) and not isinstance(value, bool) and value > 1000:
                self._number += 1
                holder[key] = value + self._number % 50
        return _bytes(root)

    def truncated(self) -> bytes:
        """Break a message off."""
        body = self._any()
        return body[: self._random.randrange(len(body))]

    def overwritten(self) -> bytes:
        """Put noise into a message."""
        body = bytearray(self._any())
        for _ in range(self._random.randint(1, 8)):
            body[self._random.randrange(len(body))] = self._random.randrange(256)
        return bytes(body)

    def spliced(self) -> bytes:
        """Let one message go on as another one."""
        left, right = self._any(), self._any()
        return left[: self._random.randrange(len(left))] + right[self._random.randrange(len(right)) :]

    def wrong_type(self) -> bytes:
        """Put foreign values into a message."""
        root = self._copy()
        for _ in range(self._random.randint(1, 3)):
            holder, key = self._place(root)
            holder[key] = deepcopy(self._random.choice(_VALUES))
        return _bytes(root)

    def removed(self) -> bytes:
        """Leave something out."""
        root = self._copy()
        holder, key = self._place(root)
        del holder[key]
        return _bytes(root)

    def moved(self) -> bytes:
        """Put a part of a message, or of another, into the place of a different part."""
        root, other = self._copy(), self._copy()
        holder, key = self._place(root)
        source, found = self._place(other)
        holder[key] = source[found]
        return _bytes(root)

    def no_number(self) -> bytes:
        """Write NaN and its like."""
        return self._filled(self._random.choice(_TEXTS))

    def deep(self) -> bytes:
        """Nest arrays or objects."""
        depth = self._random.choice(_DEPTHS)
        opening, closing = self._random.choice(((b"[", b"]"), (b'{"a":', b"}")))
        inner = b"" if opening == b"[" else b"0"
        return self._filled(opening * depth + inner + closing * self._random.choice((depth, 0)))

    def duplicate_key(self) -> bytes:
        """Give a name two values."""
        root = self._copy()
        objects = [holder for holder, _ in self._places(root) if isinstance(holder, dict)]
        holder = self._random.choice(objects)
        key = self._random.choice(sorted(holder))
        second = json.dumps(self._random.choice(_VALUES)).encode()
        body = _bytes(root)
        name = json.dumps(key).encode() + b":"
        return body.replace(name, name + second + b"," + name, 1)

    def many(self) -> bytes:
        """Repeat the elements of an array."""
        root = self._copy()
        arrays = [holder[key] for holder, key in self._places(root) if isinstance(holder[key], list) and holder[key]]
        if arrays:
            array = self._random.choice(arrays)
            array *= self._random.choice((2, 50, 1000))
        return _bytes(root)

    def huge(self) -> bytes:
        """Make 10 MB of it: an unknown field, one value, an array, or nothing known at all."""
        match self._random.randrange(4):
            case 0:
                return self._any()[:-1] + b',"padding":"' + b"x" * _HUGE_BYTES + b'"}'
            case 1:
                return self._filled(b'"' + b"9" * _HUGE_BYTES + b'"')
            case 2:
                return self._filled(b"[" + b'["1","1"],' * (_HUGE_BYTES // 10) + b'["1","1"]]')
            case _:
                return self._random.randbytes(1000) * (_HUGE_BYTES // 1000)

    def _any(self) -> bytes:
        return self._random.choice(self._samples)

    def _copy(self) -> Any:
        return json.loads(self._any())

    def _place(self, root: Any) -> tuple[Any, Any]:
        return self._random.choice(self._places(root))

    def _places(self, root: Any) -> list[tuple[Any, Any]]:
        """Return where values are, as holder and key or index."""
        found, open_ = [], [root]
        while open_:
            holder = open_.pop()
            for key in holder if isinstance(holder, dict) else range(len(holder)):
                found.append((holder, key))
                if isinstance(holder[key], dict | list):
                    open_.append(holder[key])
        return found

    def _filled(self, text: bytes) -> bytes:
        """Put bytes into the place of a value."""
        root = self._copy()
        holder, key = self._place(root)
        holder[key] = _HOLE
        return _bytes(root).replace(_HOLE_BYTES, text, 1)


def _bytes(root: Any) -> bytes:
    return json.dumps(root, separators=(",", ":")).encode()


_MAKE: dict[str, Callable[[Fuzzer], bytes]] = {
    "sound": Fuzzer.sound,
    "truncated": Fuzzer.truncated,
    "overwritten": Fuzzer.overwritten,
    "spliced": Fuzzer.spliced,
    "wrong type": Fuzzer.wrong_type,
    "removed": Fuzzer.removed,
    "moved": Fuzzer.moved,
    "no number": Fuzzer.no_number,
    "deep": Fuzzer.deep,
    "duplicate key": Fuzzer.duplicate_key,
    "many": Fuzzer.many,
    "huge": Fuzzer.huge,
}
KINDS = tuple(_MAKE)
_KINDS = tuple(kind for kind in _MAKE for _ in range({"wrong type": 4, "deep": 1, "huge": 0, "many": 1}.get(kind, 2)))
"""Each as often as it is worth: one of 10 MB takes as long as thousands of the others."""
