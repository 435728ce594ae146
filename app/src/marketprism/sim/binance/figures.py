"""The slow figures of USD-M futures as JSON: mark price and funding, liquidations, open interest, ratios.

https://developers.binance.com/docs/derivatives/usds-margined-futures/websocket-market-streams/Mark-Price-Stream and
its neighbours; the fields `st` and `ps`, and rows of coin-margined symbols (``st`` 2), were measured on the wire.
"""

from marketprism.sim.facts import FINE_DIGITS, RATE_DIGITS, SHARE_DIGITS, Liquidation, Mark, OpenInterest
from marketprism.sim.instruments import Listing, Step
from marketprism.sim.venue import Frame

UM, CM = 1, 2
"""Values of ``st``: USD-margined and coin-margined."""

_SHOWN = 8
_RATE = Step(_SHOWN, _SHOWN)
_RATE_UNIT = 10 ** (RATE_DIGITS - _SHOWN)
_SHARE = Step(SHARE_DIGITS, SHARE_DIGITS)
_WHOLE = 10**SHARE_DIGITS


def mark_price(about: Listing, mark: Mark, now_ms: int) -> Frame:
    """Render mark price and funding; ``P`` is the estimated settlement price, ``r`` the rate."""
    fine = _fine(about)
    return {
        "e": "markPriceUpdate",
        "E": now_ms,
        "s": about.symbol,
        "p": fine.text(mark.mark),
        "ap": fine.text(mark.average),
        "P": fine.text(mark.settle),
        "i": fine.text(mark.index),
        "r": _rate(mark) if mark.funding_ms or now_ms // 1000 % 2 else "",  # both forms of no funding occur
        "T": mark.funding_ms,
        "st": UM,
    }


def premium_index(about: Listing, mark: Mark, at_ms: int) -> Frame:
    """Render the same for REST."""
    fine = _fine(about)
    return {
        "symbol": about.symbol,
        "markPrice": fine.text(mark.mark),
        "indexPrice": fine.text(mark.index),
        "estimatedSettlePrice": fine.text(mark.settle),
        "lastFundingRate": _rate(mark),
        "interestRate": "0.00010000",
        "nextFundingTime": mark.funding_ms,
        "time": at_ms,
    }


def force_order(about: Listing, order: Liquidation, now_ms: int) -> Frame:
    """Render a liquidation; ``S`` is the side of the order, so SELL closes a long position."""
    quantity = about.lot.text
    return {
        "e": "forceOrder",
        "E": now_ms,
        "o": {
            "s": about.symbol,
            "S": "BUY" if order.buys else "SELL",
            "o": "LIMIT",
            "f": "IOC",
            "q": quantity(order.lots),
            "p": about.tick.text(order.price),
            "ap": Step(about.tick.digits + FINE_DIGITS, about.tick.digits + FINE_DIGITS).text(order.average),
            "X": "FILLED" if order.filled_lots == order.lots else "PARTIALLY_FILLED",
            "l": quantity(order.last_lots),
            "z": quantity(order.filled_lots),
            "T": now_ms - 1,
        },
    }


def in_array(frame: Frame, symbol: str) -> Frame:
    """Add to a liquidation what the stream of all symbols shows besides."""
    return {**frame, "ps": symbol, "st": UM}


def coin_margined(frame: Frame, base: str) -> Frame:
    """Turn a row into one of the coin-margined contract, as streams of all symbols mix them in."""
    symbol = f"{base}USD_PERP"
    if "o" in frame:
        return {**frame, "o": {**frame["o"], "s": symbol}, "ps": f"{base}USD", "st": CM}
    return {**frame, "s": symbol, "st": CM}


def open_interest(about: Listing, interest: OpenInterest, at_ms: int) -> Frame:
    """Render open interest, in base currency."""
    return {"symbol": about.symbol, "openInterest": about.lot.text(interest.lots), "time": at_ms}


def ratio(about: Listing, long_share: int, bar_ms: int) -> Frame:
    """Render one bar of a long/short ratio, given the long share in 1e-4."""
    return {
        "symbol": about.symbol,
        "longShortRatio": _SHARE.text(long_share * _WHOLE // (_WHOLE - long_share)),
        "longAccount": _SHARE.text(long_share),
        "shortAccount": _SHARE.text(_WHOLE - long_share),
        "timestamp": bar_ms,
    }


def _fine(about: Listing) -> Step:
    digits = about.tick.digits + FINE_DIGITS
    return Step(digits, max(digits, _SHOWN))


def _rate(mark: Mark) -> str:
    units = abs(mark.rate) // _RATE_UNIT
    return _RATE.text(-units if mark.rate < 0 else units)
