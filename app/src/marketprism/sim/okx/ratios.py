"""Long/short ratios over REST: bars of top traders by position and of all accounts, newest first.

See https://www.okx.com/docs-v5/en/#trading-statistics-rest-api. Only the ratio is told, not the shares.
"""

from collections.abc import Callable, Mapping

from marketprism.sim.facts import SHARE_DIGITS, Ratios
from marketprism.sim.floor import Floor
from marketprism.sim.instruments import MarketKind, Step
from marketprism.sim.okx import queries, refusals
from marketprism.sim.okx.instrument import Instrument
from marketprism.sim.okx.queries import Endpoint, Query, Rows
from marketprism.sim.truth import Row

TOP_POSITION = "long-short-position-ratio-contract-top-trader"
ALL_ACCOUNT = "long-short-account-ratio-contract"
_MOST, _KEPT = 100, 1440
_REQUESTS = 5
_MINUTE_MS = 60_000
_PERIODS_MS = {
    name: minutes * _MINUTE_MS
    for name, minutes in {"5m": 5, "15m": 15, "30m": 30, "1H": 60, "2H": 120, "4H": 240}.items()
}
_RATIO = Step(SHARE_DIGITS, SHARE_DIGITS)
_WHOLE = 10**SHARE_DIGITS


def endpoints(floor: Floor, instruments: Mapping[str, Instrument]) -> dict[str, Endpoint]:
    """Return the endpoints of both ratios."""
    bars = _Bars(floor, instruments)
    shares: dict[str, Callable[[Ratios], int]] = {
        TOP_POSITION: lambda each: each.top_position_long,
        ALL_ACCOUNT: lambda each: each.all_account_long,
    }
    return {
        f"rubik/stat/contracts/{name}": Endpoint(_REQUESTS, bars.answer(name, share), by_instrument=True)
        for name, share in shares.items()
    }


class _Bars:
    """Answers with bars; each of them goes into the truth log when it is served first."""

    def __init__(self, floor: Floor, instruments: Mapping[str, Instrument]) -> None:
        self._floor, self._instruments = floor, instruments
        self._noted: dict[tuple[str, str, str], int] = {}

    def answer(self, name: str, long_share: Callable[[Ratios], int]) -> Callable[[Query, int], Rows]:
        """Return the answer of one endpoint."""

        def answer(query: Query, now_ms: int) -> Rows:
            found, period = queries.instrument(query, self._instruments), query.get("period", "5m")
            if found.market.derivative is None:
                raise refusals.unknown_instrument()
            rows: list[list[str]] = []
            for bar_ms in _times(query, period, now_ms):
                share = long_share(found.market.derivative.ratios(bar_ms))
                rows.append([str(bar_ms), _RATIO.text(share * _WHOLE // (_WHOLE - share))])
            self._note(name, found.listing.symbol, period, rows, now_ms)
            return [*rows]

        return answer

    def _note(self, name: str, symbol: str, period: str, rows: list[list[str]], now_ms: int) -> None:
        key, truth = (name, symbol, period), self._floor.truth
        newest = self._noted.get(key, 0)
        for at_ms, ratio in reversed(rows):
            if truth and int(at_ms) > newest:
                self._noted[key] = int(at_ms)
                event = {"instId": symbol, "period": period, "ts": at_ms, "ratio": ratio}
                truth.note(Row(name, MarketKind.OKX_SWAP, symbol, "", now_ms, sent=True, event=event))


def _times(query: Query, period: str, now_ms: int) -> range:
    """Return the times of the bars that a request gets, newest first."""
    length = _PERIODS_MS.get(period)
    if length is None:
        raise refusals.wrong("period")
    rows = queries.limit(query, _MOST)
    begin, end = queries.number(query, "begin"), queries.number(query, "end")
    last = (now_ms if end is None else min(now_ms, end)) // length
    oldest = max(last - rows, now_ms // length - _KEPT, -1 if begin is None else -(-begin // length) - 1)
    return range(last * length, oldest * length, -length)
