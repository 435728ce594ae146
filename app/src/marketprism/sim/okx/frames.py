"""Facts as the rows of OKX's channels and REST answers, field by field as documented.

https://www.okx.com/docs-v5/en/#order-book-trading-market-data and #public-data. All numbers are text except ids of the
order book.
"""

from typing import Any

from marketprism.sim.facts import RATE_DIGITS, Aggregate, Fill, Liquidation, Mark, OpenInterest
from marketprism.sim.instruments import Step
from marketprism.sim.okx.listings import OkxListing
from marketprism.sim.venue import Frame

Row = dict[str, Any]

_RATE = Step(RATE_DIGITS, RATE_DIGITS)
_INTEREST_RATE = 10 ** (RATE_DIGITS - 4)
_LIMIT = "0.00375"


def push(channel: str, about: dict[str, str], rows: list[Row], action: str | None = None) -> Frame:
    """Put rows into the envelope of a channel, which names what it is about, such as ``{"instId": "BTC-USDT"}``.

    Only books have an action: ``snapshot`` or ``update``.
    """
    head: Frame = {"arg": {"channel": channel, **about}}
    return {**head, "data": rows} if action is None else {**head, "action": action, "data": rows}


def aggregate(listing: OkxListing, trade: Aggregate, sequence: int, now_ms: int) -> Row:
    """Render the fills of one taker order at one price; the id is that of the last fill."""
    return {
        "instId": listing.symbol,
        "tradeId": str(trade.last_id),
        "px": listing.price_text(trade.price),
        "sz": listing.size_text(trade.lots),
        "side": _taker(buyer_is_maker=trade.buyer_is_maker),
        "ts": str(now_ms),
        "count": str(trade.last_id - trade.first_id + 1),
        "source": "0",
        "seqId": sequence,
    }


def fill(listing: OkxListing, trade: Fill, now_ms: int) -> Row:
    """Render a single fill, as ``trades-all`` and REST have it."""
    return {
        "instId": listing.symbol,
        "side": _taker(buyer_is_maker=trade.buyer_is_maker),
        "sz": listing.size_text(trade.lots),
        "source": "0",
        "px": listing.price_text(trade.price),
        "tradeId": str(trade.trade_id),
        "ts": str(now_ms),
    }


def funding(listing: OkxListing, mark: Mark, settled: int, now_ms: int) -> Row:
    """Render the rate of the running interval, and the one at which the interval before was settled, in 1e-16.

    The rate of the next interval is never told. Where no funding is scheduled, times and rate are empty.
    """
    scheduled = mark.funding_ms > 0
    return {
        "formulaType": "withRate",
        "fundingRate": _RATE.text(mark.rate) if scheduled else "",
        "fundingTime": str(mark.funding_ms) if scheduled else "",
        "impactValue": "10000.0000000000000000",
        "instId": listing.symbol,
        "instType": listing.kind,
        "interestRate": _RATE.text(_INTEREST_RATE),
        "maxFundingRate": _LIMIT,
        "method": "current_period",
        "minFundingRate": f"-{_LIMIT}",
        "nextFundingRate": "",
        "nextFundingTime": str(mark.funding_ms + mark.interval_ms) if scheduled else "",
        "premium": _RATE.text(mark.rate - _INTEREST_RATE),
        "prevFundingTime": str(mark.funding_ms - mark.interval_ms) if scheduled else "",
        "settFundingRate": _RATE.text(settled),
        "settState": "settled",
        "ts": str(now_ms),
    }


def open_interest(listing: OkxListing, interest: OpenInterest, mark: Mark, now_ms: int) -> Row:
    """Render the open positions: contracts, coins and dollars."""
    return {
        "instId": listing.symbol,
        "instType": listing.kind,
        "oi": listing.size_text(interest.lots),
        "oiCcy": listing.coins(interest.lots, mark.mark),
        "oiUsd": listing.dollars(interest.lots, mark.mark),
        "ts": str(now_ms),
    }


def liquidation(listing: OkxListing, closed: Liquidation, now_ms: int) -> Row:
    """Render a position closed by force, at its bankruptcy price."""
    return _liquidation(
        listing.family,
        listing.symbol,
        {
            "bkLoss": "0",
            "bkPx": listing.price_text(closed.price),
            "ccy": "",
            "posSide": "short" if closed.buys else "long",
            "side": "buy" if closed.buys else "sell",
            "sz": listing.size_text(closed.lots),
            "ts": str(now_ms),
        },
    )


def foreign_liquidation(now_ms: int) -> Row:
    """Render a position closed in an instrument that is listed nowhere here: subscriptions are by instrument type."""
    detail = {"bkLoss": "0", "bkPx": "0.55205", "ccy": "", "posSide": "short", "side": "buy", "sz": "39"}
    return _liquidation("UNLISTED-USDT", "UNLISTED-USDT-SWAP", {**detail, "ts": str(now_ms)})


def instrument(listing: OkxListing) -> Row:
    """Render what REST tells about an instrument."""
    contract = listing.contract
    return {
        "alias": "",
        "baseCcy": "" if contract else listing.base,
        "category": "1",
        "ctMult": "1" if contract else "",
        "ctType": ("inverse" if contract.inverse else "linear") if contract else "",
        "ctVal": Step(contract.digits, contract.digits).text(contract.value) if contract else "",
        "ctValCcy": contract.currency if contract else "",
        "expTime": "",
        "instFamily": listing.family if contract else "",
        "instId": listing.symbol,
        "instType": listing.kind,
        "lever": "10",
        "listTime": "1548133413000",
        "lotSz": listing.lot.text(1),
        "minSz": listing.lot.text(1),
        "optType": "",
        "quoteCcy": "" if contract else listing.quote,
        "ruleType": "normal",
        "settleCcy": contract.settle if contract else "",
        "state": "live",
        "stk": "",
        "tickSz": listing.tick.text(1),
        "uly": listing.family if contract else "",
    }


def _liquidation(family: str, symbol: str, detail: dict[str, str]) -> Row:
    return {"details": [detail], "instFamily": family, "instId": symbol, "instType": "SWAP", "uly": family}


def _taker(*, buyer_is_maker: bool) -> str:
    return "sell" if buyer_is_maker else "buy"
