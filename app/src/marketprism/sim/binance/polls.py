"""What futures clients poll: open interest, mark prices, funding intervals, long/short ratios."""

from collections.abc import Callable

from marketprism.sim.binance import figures, frames
from marketprism.sim.binance.queries import (
    Answer,
    BadRequestError,
    Endpoint,
    InvalidSymbolError,
    Query,
    constant,
    limit,
    number,
    symbol,
)
from marketprism.sim.facts import Mark, OpenInterest, Ratios
from marketprism.sim.floor import Floor
from marketprism.sim.instruments import Listing, MarketKind
from marketprism.sim.truth import Row
from marketprism.sim.venue import Frame

Latest = dict[tuple[str, type[Mark] | type[OpenInterest]], tuple[Mark | OpenInterest, int]]
"""The last figure of a symbol and when it was published."""

_USDM = MarketKind.BINANCE_USDM
_MINUTE_MS = 60_000
_PERIODS_MS = {
    name: minutes * _MINUTE_MS
    for name, minutes in {
        "5m": 5,
        "15m": 15,
        "30m": 30,
        "1h": 60,
        "2h": 120,
        "4h": 240,
        "6h": 360,
        "12h": 720,
        "1d": 1440,
    }.items()
}
_MONTH_MS = 30 * 1440 * _MINUTE_MS
_BAR_DELAY_MS = 15_000
"""A bar can be had this long after its time, not at once."""


class Polls:
    """Answers from the latest figures; each of them goes into the truth log when it is served first."""

    def __init__(self, floor: Floor, latest: Latest) -> None:
        self._floor, self._latest = floor, latest
        self._noted: dict[tuple[str, str], int] = {}

    def market_endpoints(self) -> dict[str, Endpoint]:
        """Return the endpoints under the product's own path."""
        return {
            "openInterest": Endpoint(constant(1), self._open_interest),
            "premiumIndex": Endpoint(lambda query: 1 if "symbol" in query else 10, self._premium_index),
            "fundingInfo": Endpoint(constant(0), self._funding_info),
        }

    def statistics_endpoints(self) -> dict[str, Endpoint]:
        """Return the endpoints under ``/futures/data``, which have a budget of their own."""
        return {
            "topLongShortPositionRatio": Endpoint(
                constant(1), self._ratios("topLongShortPositionRatio", lambda each: each.top_position_long)
            ),
            "globalLongShortAccountRatio": Endpoint(
                constant(1), self._ratios("globalLongShortAccountRatio", lambda each: each.all_account_long)
            ),
        }

    def _open_interest(self, query: Query, now_ms: int) -> bytes:
        about = self._listing(symbol(query))
        interest, at_ms = self._figure(about, OpenInterest)
        assert isinstance(interest, OpenInterest)
        body = figures.open_interest(about, interest, at_ms)
        self._note("openInterest", about, at_ms, body, now_ms)
        return frames.encode(body)

    def _premium_index(self, query: Query, now_ms: int) -> bytes:
        if "symbol" in query:
            return frames.encode(self._premium(self._listing(query["symbol"])))
        return frames.encode([self._premium(each.listing) for each in self._floor.markets[_USDM].values()])

    def _premium(self, about: Listing) -> Frame:
        mark, at_ms = self._figure(about, Mark)
        assert isinstance(mark, Mark)
        return figures.premium_index(about, mark, at_ms)

    def _funding_info(self, _query: Query, _now_ms: int) -> bytes:
        rows = []
        for each in self._floor.markets[_USDM].values():
            assert each.derivative
            rows.append(
                {
                    "symbol": each.listing.symbol,
                    "adjustedFundingRateCap": "0.00300000",
                    "adjustedFundingRateFloor": "-0.00300000",
                    "fundingIntervalHours": each.derivative.interval_ms // (60 * _MINUTE_MS),
                    "disclaimer": False,
                    "updateTime": None,
                }
            )
        return frames.encode(rows)

    def _ratios(self, name: str, long_share: Callable[[Ratios], int]) -> Answer:
        def answer(query: Query, now_ms: int) -> bytes:
            about, period_ms = self._listing(symbol(query)), _PERIODS_MS.get(query.get("period", ""))
            if period_ms is None:
                raise BadRequestError(-1130, "Data sent for parameter 'period' is not valid.")
            found = self._floor.market(_USDM, about.symbol)
            assert found
            assert found.derivative
            rows = []
            for bar_ms in _bars(query, period_ms, now_ms):
                row = figures.ratio(about, long_share(found.derivative.ratios(bar_ms)), bar_ms)
                self._note(name, about, bar_ms, {**row, "period": query["period"]}, now_ms)
                rows.append(row)
            return frames.encode(rows)

        return answer

    def _listing(self, name: str) -> Listing:
        found = self._floor.market(_USDM, name)
        if found is None:
            raise InvalidSymbolError
        return found.listing

    def _figure(self, about: Listing, kind: type[Mark] | type[OpenInterest]) -> tuple[Mark | OpenInterest, int]:
        if (about.symbol, kind) not in self._latest:
            raise BadRequestError(-1001, "Internal error; unable to process your request. Please try again.")
        return self._latest[about.symbol, kind]

    def _note(self, kind: str, about: Listing, at_ms: int, body: Frame, now_ms: int) -> None:
        """Note what is served, once; times only grow."""
        key = f"{kind}{body.get('period', '')}", about.symbol
        if self._floor.truth and at_ms > self._noted.get(key, 0):
            self._noted[key] = at_ms
            self._floor.truth.note(Row(kind, _USDM, about.symbol, "", now_ms, sent=True, event=body))


def _bars(query: Query, period_ms: int, now_ms: int) -> range:
    """Return the times of the bars that a request gets, oldest first."""
    rows = limit(query, 30, 500)
    start, end = number(query.get("startTime")), number(query.get("endTime"))
    if start is not None and start < now_ms - _MONTH_MS:
        raise BadRequestError(-1130, "Data sent for parameter 'startTime' is not valid.")
    last = min(now_ms - _BAR_DELAY_MS, now_ms if end is None else end) // period_ms
    first = last - rows + 1 if start is None else -(-start // period_ms)
    return range(first * period_ms, (min(last, first + rows - 1) + 1) * period_ms, period_ms)
