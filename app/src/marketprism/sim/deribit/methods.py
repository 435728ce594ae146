"""The methods that ask something and change nothing: the same over HTTP and WebSocket.

https://docs.deribit.com/#market-data
"""

from collections.abc import Callable, Mapping
from typing import Any

from marketprism.sim.deribit import frames, requests
from marketprism.sim.deribit.instrument import Instrument
from marketprism.sim.deribit.requests import Params

_DEFAULT_COUNT, _MOST_COUNT = 10, 1000
_KINDS = {"future", "option", "spot", "future_combo", "option_combo", "any"}


class Methods:
    """Answers calls.

    Args:
        instruments: By name.
    """

    def __init__(self, instruments: Mapping[str, Instrument]) -> None:
        self._instruments = instruments
        self._table: dict[str, Callable[[Params, int], Any]] = {
            "public/test": lambda _params, _now_ms: {"version": "1.2.26"},
            "public/get_time": lambda _params, now_ms: now_ms,
            "public/get_instruments": self._list,
            "public/get_last_trades_by_instrument": self._trades,
        }

    def call(self, method: str, params: Params, now_ms: int) -> Any:
        """Return the result of a call.

        Raises:
            RefusedRequestError: There is no such method, or a parameter is wrong.
        """
        answer = self._table.get(method)
        if answer is None:
            raise requests.unknown_method()
        return answer(params, now_ms)

    def _list(self, params: Params, _now_ms: int) -> list[frames.Data]:
        currency, kind = params.get("currency"), params.get("kind", "any")
        if not isinstance(currency, str):
            raise requests.invalid("currency", "required")
        if kind not in _KINDS:
            raise requests.invalid("kind", "value_not_in_list")
        if kind not in {"future", "any"}:
            return []
        found = [each for each in self._instruments.values() if each.market.listed]
        return [frames.instrument(each.listing) for each in found if currency in {"any", each.listing.currency}]

    def _trades(self, params: Params, _now_ms: int) -> dict[str, Any]:
        """Return trades by their own sequence; without a start the newest."""
        name = params.get("instrument_name")
        if not isinstance(name, str):
            raise requests.invalid("instrument_name", "required")
        found = self._instruments.get(name)
        if found is None:
            raise requests.not_found()
        start, end = _number(params, "start_seq"), _number(params, "end_seq")
        count = min(_number(params, "count") or _DEFAULT_COUNT, _MOST_COUNT)
        fills, ascending = found.market.tape.fills, params.get("sorting") == "asc"
        if start is None:
            printed = fills.latest(_MOST_COUNT)
        else:
            printed = fills.since(start, _MOST_COUNT if end is None else max(0, end - start + 1))
        inside = [each for each in printed if end is None or each.trade.trade_id <= end]
        page = inside[:count] if ascending else inside[::-1][:count]
        rows = [frames.trade(found.listing, each.trade, found.mark, each.at_ms) for each in page]
        return {"trades": rows, "has_more": len(inside) > len(page)}


def _number(params: Params, name: str) -> int | None:
    """Return a natural number, which HTTP gives as text; None where it is left out."""
    value = params.get(name)
    if value is None:
        return None
    text = str(value)
    if isinstance(value, bool) or not (text.isascii() and text.isdigit()):
        raise requests.invalid(name, "wrong_format")
    return int(text)
