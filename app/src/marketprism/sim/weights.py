"""The REST budget of each client address, counted per UTC clock minute, or another span, as Binance does."""

from collections import defaultdict
from dataclasses import dataclass
from http import HTTPStatus

_BAN_SECONDS = 120
_REFUSALS_BEFORE_BAN = 10


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a request gets: 200, 429 (budget spent) or 418 (banned for going on), and the weight used in this span."""

    status: int
    used: int
    retry_after: int = 0


class WeightMeter:
    """Charges requests to addresses.

    Args:
        limit: Weight per address and span.
        seconds: Length of the span; one begins at each of its multiples.
    """

    def __init__(self, limit: int, seconds: int = 60) -> None:
        self._limit, self._seconds = limit, seconds
        self._span = 0
        self._used: defaultdict[str, int] = defaultdict(int)
        self._refused: defaultdict[str, int] = defaultdict(int)
        self._banned_until: dict[str, int] = {}

    def charge(self, address: str, weight: int, now_ms: int) -> Verdict:
        """Charge a request and judge it; refused ones cost weight as well."""
        second = now_ms // 1000
        if second // self._seconds != self._span:
            self._span = second // self._seconds
            self._used.clear()
            self._refused.clear()
            self._banned_until = {who: end for who, end in self._banned_until.items() if end > second}
        self._used[address] += weight
        used = self._used[address]
        ban = self._banned_until.get(address, 0) - second
        if ban > 0:
            return Verdict(HTTPStatus.IM_A_TEAPOT, used, ban)
        if used <= self._limit:
            return Verdict(HTTPStatus.OK, used)
        self._refused[address] += 1
        if self._refused[address] > _REFUSALS_BEFORE_BAN:
            self._banned_until[address] = second + _BAN_SECONDS
            return Verdict(HTTPStatus.IM_A_TEAPOT, used, _BAN_SECONDS)
        return Verdict(HTTPStatus.TOO_MANY_REQUESTS, used, self._seconds - second % self._seconds)
