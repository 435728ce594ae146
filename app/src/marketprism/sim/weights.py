"""The REST budget of each client address, counted per UTC clock minute as Binance does."""

from collections import defaultdict
from dataclasses import dataclass
from http import HTTPStatus

_BAN_SECONDS = 120
_REFUSALS_BEFORE_BAN = 10


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a request gets: 200, 429 (budget spent) or 418 (banned for going on), and the weight used this minute."""

    status: int
    used: int
    retry_after: int = 0


class WeightMeter:
    """Charges requests to addresses.

    Args:
        limit: Weight per address and minute.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._minute = 0
        self._used: defaultdict[str, int] = defaultdict(int)
        self._refused: defaultdict[str, int] = defaultdict(int)
        self._banned_until: dict[str, int] = {}

    def charge(self, address: str, weight: int, now_ms: int) -> Verdict:
        """Charge a request and judge it; refused ones cost weight as well."""
        second = now_ms // 1000
        if second // 60 != self._minute:
            self._minute = second // 60
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
        return Verdict(HTTPStatus.TOO_MANY_REQUESTS, used, 60 - second % 60)
